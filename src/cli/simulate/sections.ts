/** `simulate --config FILE`: the sections of a connector's configuration that name real peers. */
import { parseConfig } from "../../config/load.ts";
import type { Config, ConfigInput } from "../../config/schema.ts";
import { parseYamlDocument, YamlProblem } from "../../core/bounded_yaml.ts";
import { isJsonObject } from "../../core/kubernetes_object.ts";
import { readInput } from "../input_file.ts";
import { type CliIo, UsageError } from "../io.ts";

type Written = Pick<ConfigInput, "prometheus" | "signals" | "kubernetes" | "audit"> & {
  readonly vault?: ConfigInput["vault"];
};

/** Each section as written, and all of them as the agent would read them. */
export interface RealSections {
  readonly written: Written;
  readonly config: Config;
}

/** What is not in the file stands in for what the schema demands, and is never used. */
const REST = {
  clusterName: "simulated",
  controlPlane: { url: "https://control-plane.invalid" },
  vault: { address: "https://vault.invalid", auth: { method: "token" } },
};

/** Throws UsageError for a file that cannot be read, StalledError `config_invalid` as the agent would. */
export async function readSections(
  path: string,
  io: Pick<CliIo, "readFile">,
): Promise<RealSections> {
  const bytes = await readInput(io, path);
  let document: unknown;
  try {
    document = parseYamlDocument(bytes);
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    throw new UsageError(`${path} ${error.message}`);
  }
  if (!isJsonObject(document)) throw new UsageError(`${path} must be a mapping of keys`);
  const { vault, prometheus, signals, kubernetes, audit } = document;
  const named = { vault, prometheus, signals, kubernetes, audit };
  const written = Object.fromEntries(
    Object.entries(named).filter(([, part]) => part !== undefined),
  );
  if (Object.keys(written).length === 0) {
    throw new UsageError(`${path} has none of vault, prometheus, kubernetes and audit.s3`);
  }
  const config = parseConfig(JSON.stringify({ ...REST, ...written }), () => undefined, path);
  return { written: written as Written, config };
}
