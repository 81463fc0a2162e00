/** The chart in the hands of the real helm. */
import assert from "node:assert/strict";
import { stringify } from "yaml";
import { CHART, valuesPath } from "../../scripts/chart/renderings.ts";
import { parseObjects, type Rendered } from "../fakes/chart_objects.ts";
import { programOf } from "./peers.ts";
import { type Finished, runToEnd } from "./process.ts";

export async function helm(...args: string[]): Promise<Finished> {
  return await runToEnd(programOf("helm"), { args });
}

/** What `helm template` says to these values over those of the minimal case. */
export async function tryTemplate(values: unknown, ...args: string[]): Promise<Finished> {
  return await withValues(
    values,
    (path) =>
      helm(
        ...["template", "neuralops-connector", CHART, "--namespace", "neuralops"],
        ...["--values", valuesPath("minimal"), "--values", path, ...args],
      ),
  );
}

export async function template(values: unknown): Promise<Rendered[]> {
  const { code, stdout, stderr } = await tryTemplate(values);
  assert.equal(code, 0, stderr);
  return parseObjects(stdout);
}

/** A file of values for the length of `work`. */
export async function withValues<T>(
  values: unknown,
  work: (path: string) => Promise<T>,
): Promise<T> {
  return await withFile("values.yaml", stringify(values), work);
}

export async function withFile<T>(
  name: string,
  text: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const folder = `./state/real/${crypto.randomUUID()}`;
  await Deno.mkdir(folder, { recursive: true });
  try {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    return await work(`${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
