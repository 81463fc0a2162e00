/** A configuration as an image or a pod finds it: everything in one folder, at the usual place. */
import type { ConfigInput } from "../../src/config/schema.ts";
import { type Ground, writeConfig } from "./ground.ts";

export const CONFIG_FOLDER = "/etc/neuralops-connector";
export const STATE_FOLDER = "/var/lib/neuralops-connector";

/** Its files by name, `connector.yaml` among them; the state is at the usual place too. */
export async function packConfig(
  ground: Ground,
  changes: Partial<ConfigInput>,
): Promise<Map<string, string>> {
  const path = await writeConfig(ground, { stateDir: STATE_FOLDER, ...changes });
  const files = new Map<string, string>();
  for await (const { name, isFile } of Deno.readDir(ground.directory)) {
    if (isFile) files.set(name, await Deno.readTextFile(`${ground.directory}/${name}`));
  }
  const text = await Deno.readTextFile(path);
  files.set("connector.yaml", text.replaceAll(ground.directory, CONFIG_FOLDER));
  return files;
}
