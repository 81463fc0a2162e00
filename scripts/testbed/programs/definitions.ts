/** Definitions of the kinds of others that the chart writes: cert-manager's, and the Prometheus operator's. */
import { isFile, run, which } from "../command.ts";
import { cacheFolder, type Search } from "../peer.ts";

/** Files of Go modules, pinned. */
const SOURCES = [
  {
    module: "github.com/cert-manager/cert-manager",
    version: "v1.21.2",
    files: ["certificates", "issuers"].map((kind) => `deploy/crds/cert-manager.io_${kind}.yaml`),
  },
  {
    module: "github.com/prometheus-operator/prometheus-operator",
    version: "v0.85.0",
    files: ["podmonitors", "servicemonitors", "prometheusrules"].map((kind) =>
      `example/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`
    ),
  },
] as const;

const version = SOURCES.map((one) => one.version).join(" and ");

/** `program` is a folder, for `kubectl apply -f`. */
export async function findDefinitions(): Promise<Search> {
  const folder = `${cacheFolder()}/definitions-${SOURCES.map((one) => one.version).join("-")}`;
  const source = `Go module proxy: ${SOURCES.map(({ module }) => module).join(", ")}`;
  if (await isFile(`${folder}/complete`)) return { program: `${folder}/files`, version, source };
  if (!await which("go")) return { why: "there is no Go here to fetch them with" };
  await Deno.mkdir(`${folder}/files`, { recursive: true });
  for (const { module, version, files } of SOURCES) {
    // Compared with the checksum database, as any module is.
    const { ok, out, problem } = await run("go", [
      "mod",
      "download",
      "-json",
      `${module}@${version}`,
    ], {
      cwd: folder,
    });
    if (!ok) return { why: `go mod download ${module}@${version}: ${problem}` };
    const { Dir } = JSON.parse(out) as { Dir: string };
    for (const file of files) {
      await Deno.copyFile(`${Dir}/${file}`, `${folder}/files/${file.split("/").at(-1)}`);
    }
  }
  await Deno.writeTextFile(`${folder}/complete`, "");
  return { program: `${folder}/files`, version, source };
}
