/** docs/configuration.md: every key of the configuration's schema, section by section. */
import * as z from "zod";
import { ENVIRONMENT, OTHER_VARIABLES } from "../src/config/environment.ts";
import { ConfigSchema } from "../src/config/schema.ts";
import { table } from "./markdown.ts";

type Node = z.core.JSONSchema.BaseSchema;

interface Row {
  readonly key: string;
  readonly type: string;
  readonly defaultText: string;
  readonly meaning: string;
}

/** @param examples configuration files, smallest first, with the sentence that introduces each */
export function renderConfiguration(
  examples: readonly { readonly title: string; readonly path: string; readonly text: string }[],
): string {
  const schema = z.toJSONSchema(ConfigSchema, { io: "input" });
  const sections = Object.entries(schema.properties ?? {}) as [string, Node][];
  const isSection = ([, node]: [string, Node]) => isObject(node) || variantsOf(node).length > 0;
  return [
    "# Configuration",
    "",
    "One YAML (or JSON) file, `/etc/neuralops-connector/connector.yaml` unless `--config` or `NEURALOPS_CONFIG` names another. It is read at start, and again on SIGHUP: a good one is taken over, a bad one leaves what runs alone. Certificates and CA files that change on the disk are taken over within a minute. An unknown key, a wrong type or a value out of bounds is refused with a line that names the key, what is allowed and what is there. Secrets never stand in it: it names the files, or the place in Vault, where they are.",
    "",
    ...table(
      ["Key", "Type", "Default", "Meaning"],
      [
        ...sections.filter((section) => !isSection(section))
          .flatMap(([key, node]) => rowsOf(key, node, isRequired(schema, key))),
      ].map(cells),
    ),
    ...sections.filter(isSection).flatMap(([key, node]) => [
      "",
      `## ${key}`,
      "",
      `${sentence(node.description ?? "")}${presenceOf(schema, key, node)}`,
      "",
      ...table(["Key", "Type", "Default", "Meaning"], childRows(key, node).map(cells)),
    ]),
    "",
    "## Environment",
    "",
    "A variable wins over the file; an empty one counts as none.",
    "",
    ...table(
      ["Variable", "Key"],
      Object.entries(ENVIRONMENT).map(([name, path]) => [`\`${name}\``, `\`${path.join(".")}\``]),
    ),
    "",
    `Read besides: ${OTHER_VARIABLES.map((name) => `\`${name}\``).join(", ")}.`,
    ...examples.flatMap(({ title, path, text }) => [
      "",
      `## ${title}`,
      "",
      `[${path}](${path.replace(/^docs\//, "")})`,
      "",
      "```yaml",
      text.trimEnd(),
      "```",
    ]),
    "",
  ].join("\n");
}

/** What follows when the section is left out, where it is not simply off. */
function presenceOf(schema: Node, key: string, node: Node): string {
  if (isRequired(schema, key)) return " Required.";
  const entries = Object.entries(node.default ?? {});
  if (entries.length === 0) return "";
  return ` Default: ${entries.map(([name, value]) => `\`${name}: ${value}\``).join(", ")}.`;
}

function rowsOf(key: string, node: Node, required: boolean): Row[] {
  if (isObject(node) || variantsOf(node).length > 0) {
    const row = { key, type: "mapping", defaultText: required ? "required" : "–" };
    const about = node.description === undefined ? [] : [{ ...row, meaning: node.description }];
    return [...about, ...childRows(key, node)];
  }
  const items = node.items as Node | undefined;
  const row = {
    key,
    type: typeOf(node),
    defaultText: required ? "required" : defaultOf(node),
    meaning: node.description ?? "",
  };
  return items && !isScalar(items) ? [row, ...childRows(`${key}[]`, items)] : [row];
}

/** The keys of an object; of an object in variants, those of each variant under its distinctive key. */
function childRows(key: string, node: Node): Row[] {
  const variants = variantsOf(node);
  if (variants.length === 0) {
    return Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
      rowsOf(`${key}.${name}`, child as Node, isRequired(node, name))
    );
  }
  const tag = tagOf(variants);
  const rows = merged(variants.flatMap((variant) =>
    childRows(key, variant)
      .filter((row) => row.key !== `${key}.${tag}`)
      .map((row) => ({ row, marker: marker(variant, tag) }))
  ));
  if (tag === undefined) return rows;
  const values = variants.map((variant) => `\`${constOf(variant, tag)}\``);
  const row = { key: `${key}.${tag}`, type: values.join(" or "), meaning: "which of the forms" };
  return [{ ...row, defaultText: "required" }, ...rows];
}

/** A key that several variants have alike gets one row. */
function merged(rows: readonly { readonly row: Row; readonly marker: string }[]): Row[] {
  const byRow = Map.groupBy(rows, ({ row }) => JSON.stringify(row));
  return [...byRow.values()].map((alike) => {
    const markers = alike.map(({ marker }) => marker).join(" or ");
    return { ...alike[0]!.row, meaning: `${markers}: ${alike[0]!.row.meaning}` };
  });
}

/** The key by which one variant is told from the others, where they have one. */
function tagOf(variants: readonly Node[]): string | undefined {
  return Object.keys(variants[0]!.properties ?? {}).find((name) =>
    variants.every((variant) => constOf(variant, name) !== undefined)
  );
}

function constOf(variant: Node, name: string): unknown {
  return (variant.properties?.[name] as Node | undefined)?.const;
}

function marker(variant: Node, tag: string | undefined): string {
  if (tag !== undefined) return `*${tag} ${constOf(variant, tag)}*`;
  if (variant.properties?.uid) return "*a user*";
  if (variant.properties?.kubernetesUser) return "*a user of the cluster*";
  return variant.properties?.keyFile ? "*with a key*" : "*keyless*";
}

function typeOf(node: Node): string {
  if (typeof node.form === "string") return node.form;
  if (node.enum) return node.enum.map((value) => `\`${value}\``).join(", ");
  if (node.const !== undefined) return `\`${node.const}\``;
  if (node.type === "array") return "list";
  if (node.type === "object") return "mapping of strings";
  const { minimum, maximum } = node;
  if (minimum === undefined || maximum === undefined) return String(node.type);
  if (minimum === maximum) return `${node.type}, ${count(minimum)}`;
  return `${node.type}, ${count(minimum)} to ${count(maximum)}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function defaultOf(node: Node): string {
  const value = node.default;
  if (value === undefined || (typeof value === "object" && value !== null)) return "–";
  return `\`${value}\``;
}

function variantsOf(node: Node): readonly Node[] {
  return (node.oneOf ?? node.anyOf ?? []) as Node[];
}

function isObject(node: Node): boolean {
  return node.type === "object" && node.properties !== undefined;
}

function isScalar(node: Node): boolean {
  return !isObject(node) && variantsOf(node).length === 0;
}

function isRequired(node: Node, name: string): boolean {
  return node.required?.includes(name) ?? false;
}

function cells(row: Row): string[] {
  const variable = Object.entries(ENVIRONMENT)
    .find(([, path]) => path.join(".") === row.key)?.[0];
  const meaning = variable === undefined ? row.meaning : `${row.meaning} (\`${variable}\`)`;
  return [`\`${row.key}\``, row.type, row.defaultText, meaning];
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
