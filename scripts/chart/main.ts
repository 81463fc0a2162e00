/** `deno task manifests`: renders the chart anew to every file that is made of it. */
import { findHelm } from "../testbed/programs/kubernetes_clients.ts";
import { run } from "../testbed/command.ts";
import { print } from "../testbed/print.ts";
import { RENDERINGS } from "./renderings.ts";

const helm = await findHelm();
if ("why" in helm) {
  print(`There is no helm: ${helm.why}`);
  Deno.exit(1);
}
for (const { path, args, finish } of RENDERINGS) {
  const { ok, out, problem } = await run(helm.program, args);
  if (!ok) {
    print(`helm ${args.join(" ")}: ${problem}`);
    Deno.exit(1);
  }
  await Deno.writeTextFile(path, await finish(`${out}\n`));
  print(path);
}
