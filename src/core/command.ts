/** One command from the control plane's outbound channel. */
export interface Command {
  /** Opaque; its order is the control plane's. */
  readonly id: string;
  /** Such as `execute`. */
  readonly type: string;
  /** Unchecked: whoever handles the type parses it. */
  readonly data: unknown;
}
