/** Every generated document by its path. What is on the disk must be exactly this. */
import { stringify } from "yaml";
import { VERSION } from "../src/agent/version.ts";
import { renderValues } from "./chart/values_doc.ts";
import { renderValuesSchema } from "./chart/values_schema.ts";
import { renderConfiguration } from "./configuration_doc.ts";
import { renderErrors } from "./errors_doc.ts";
import { adminDocument, connectorDocument } from "./openapi/connector.ts";
import { controlPlaneDocument } from "./openapi/control_plane.ts";
import type { Json } from "./openapi/document.ts";
import { renderPresets } from "./presets_doc.ts";

const EXAMPLES = [
  { title: "The smallest configuration", path: "docs/examples/connector.minimal.yaml" },
  { title: "A full one", path: "docs/examples/connector.full.yaml" },
];

export async function generateDocs(
  readText: (path: string) => Promise<string>,
): Promise<Map<string, string>> {
  const examples = await Promise.all(
    EXAMPLES.map(async (example) => ({ ...example, text: await readText(example.path) })),
  );
  return new Map([
    ["docs/configuration.md", renderConfiguration(examples)],
    ["docs/errors.md", renderErrors()],
    ["docs/presets.md", renderPresets()],
    ["docs/helm-values.md", renderValues(await readText("helm/connector/values.yaml"))],
    ["helm/connector/values.schema.json", renderValuesSchema()],
    ["docs/openapi/connector.yaml", toYaml(connectorDocument(VERSION))],
    ["docs/openapi/admin.yaml", toYaml(adminDocument(VERSION))],
    ["docs/openapi/control-plane.yaml", toYaml(controlPlaneDocument(VERSION))],
  ]);
}

/** The generated documents that are missing on the disk, or differ from what the code says. */
export async function findStaleDocs(
  readText: (path: string) => Promise<string>,
): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of await generateDocs(readText)) {
    if (await readText(path).catch(() => null) !== text) stale.push(path);
  }
  return stale;
}

function toYaml(document: Json): string {
  const text = stringify(document, { aliasDuplicateObjects: false, lineWidth: 100 });
  return `# Generated from the code by \`deno task docs\`.\n${text}`;
}
