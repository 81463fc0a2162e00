/** A process of standbys, as the bench starts it, asks it and ends it. */
import type { LeaseCalls } from "./counted_lease.ts";

const PROGRAM = "scripts/bench/standby_program.ts";

/** `atMs` is of the wall clock, which all processes of a machine share. */
export type StandbyEvent =
  | { readonly event: "leading"; readonly identity: string; readonly atMs: number }
  | {
    readonly event: "calls";
    readonly calls: LeaseCalls;
    /** How many take someone for the leader. */
    readonly following: number;
    readonly rssMiB: number;
    readonly atMs: number;
  };

export type Leading = Extract<StandbyEvent, { event: "leading" }>;
export type Told = Extract<StandbyEvent, { event: "calls" }>;

export interface Place {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly lease: string;
}

export class StandbyProcess {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  #answer = Promise.withResolvers<Told>();

  constructor(
    { kubeconfig, namespace, lease }: Place,
    count: number,
    prefix: string,
    private readonly onLeading: (event: Leading) => void,
  ) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-P=realSetup", "--no-prompt", "--quiet", PROGRAM, kubeconfig, namespace, lease]
        .concat(String(count), prefix),
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#listen();
  }

  async ask(what: "calls" | "stop leader"): Promise<Told> {
    this.#answer = Promise.withResolvers();
    await this.#stdin.write(new TextEncoder().encode(`${what}\n`));
    return await this.#answer.promise;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#stdin.abort().catch(() => {});
  }

  async #listen(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const event: StandbyEvent = JSON.parse(line);
        if (event.event === "leading") this.onLeading(event);
        else this.#answer.resolve(event);
      }
    }
    // Nobody may be waiting: one that was killed was not asked any more.
    this.#answer.promise.catch(() => {});
    this.#answer.reject(new Error("a process of standbys has ended"));
  }
}
