/** Where each agent lives: a folder of its own in which its configuration and its state are. */

export interface Site {
  /** The agent's name, and its cluster's. */
  readonly name: string;
  readonly port: number;
  /** Under which the agent finds its files; another name of `folder` where it runs in a root of its own. */
  readonly home: string;
  readonly folder: string;
}

/** As /var/lib/neuralops-connector is the only place where a compiled agent may write. */
export const SHIPPED_HOME = "/var/lib/neuralops-connector";
export const CONFIG_FILE = "connector.yaml";

/** A port that was free just now. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
