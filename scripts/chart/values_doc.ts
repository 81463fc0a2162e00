/** docs/helm-values.md: every value of the chart, with its default in values.yaml. */
import { parse } from "yaml";
import { z } from "zod";
import { table } from "../markdown.ts";
import { Values } from "./values.ts";

type Node = z.core.JSONSchema.BaseSchema;

/** @param defaults the text of values.yaml */
export function renderValues(defaults: string): string {
  const schema = z.toJSONSchema(Values, { io: "input" });
  const known = parse(defaults);
  const sections = Object.entries(schema.properties ?? {}) as [string, Node][];
  const single = sections.filter(([, node]) => !hasKeys(node));
  return [
    "# Values of the chart",
    "",
    "Generated from `scripts/chart/values.ts` and `helm/connector/values.yaml` by `deno task docs`. `helm/connector/values.schema.json` holds Helm to it: an unknown key, a wrong type or a value out of bounds is refused before anything is installed, in `config` and `policy` too, which have the schemas of the agent itself. [kubernetes.md](kubernetes.md) says what to set first.",
    "",
    ...rowsTable(single.flatMap(([key, node]) => rowsOf(key, node, known[key]))),
    ...sections.filter(([, node]) => hasKeys(node)).flatMap(([key, node]) => [
      "",
      `## ${key}`,
      "",
      ...(node.description === undefined ? [] : [sentence(node.description), ""]),
      ...rowsTable(childRows(key, node, known[key])),
    ]),
    "",
  ].join("\n");
}

function rowsTable(rows: readonly (readonly string[])[]): string[] {
  return table(["Value", "Type", "Default", "Meaning"], rows);
}

function rowsOf(key: string, node: Node, value: unknown): string[][] {
  if (hasKeys(node)) {
    const about = node.description === undefined
      ? []
      : [[`\`${key}\``, "mapping", "", node.description]];
    return [...about, ...childRows(key, node, value)];
  }
  const row = [`\`${key}\``, typeOf(node), defaultOf(value), node.description ?? ""];
  const items = node.items as Node | undefined;
  return items && hasKeys(items) ? [row, ...childRows(`${key}[]`, items, undefined)] : [row];
}

function childRows(key: string, node: Node, value: unknown): string[][] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    rowsOf(`${key}.${name}`, child as Node, (value as Record<string, unknown> | undefined)?.[name])
  );
}

function hasKeys(node: Node): boolean {
  return node.properties !== undefined;
}

function typeOf(node: Node): string {
  if (node.enum) return node.enum.map((value) => `\`${value}\``).join(", ");
  if (node.anyOf) return [...new Set(node.anyOf.map((one) => typeOf(one as Node)))].join(" or ");
  if (node.type === "array") return "list";
  if (node.type === "object") return "mapping";
  if (node.const !== undefined) return `\`${node.const}\``;
  return [node.type ?? "any"].flat().join(" or ");
}

function defaultOf(value: unknown): string {
  if (value === undefined || value === "") return "";
  if (Array.isArray(value) && value.length === 0) return "";
  if (typeof value === "object" && value !== null && Object.keys(value).length === 0) return "";
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
