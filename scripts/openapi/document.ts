/** The parts that the OpenAPI documents share: named schemas, bodies, problem responses. */
import * as z from "zod";
import type { ErrorCode } from "../../src/errors.ts";
import { Problem } from "../../src/core/protocol.ts";
import { statusOf } from "../error_status.ts";

export type Json = Readonly<Record<string, unknown>>;
export const JSON_TYPE = "application/json";
export const PROBLEM_TYPE = "application/problem+json";

/** `components.schemas`; a schema that holds another one of the list refers to it. */
export function componentsOf(schemas: Readonly<Record<string, z.ZodType>>): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries({ ...schemas, Problem })) registry.add(schema, { id });
  const documents = z.toJSONSchema(registry, { io: "input", uri: pointerTo }).schemas;
  return Object.fromEntries(
    Object.entries(documents).map((
      [id, { $schema: _dialect, $id: _id, ...schema }],
    ) => [id, schema]),
  );
}

export function reference(name: string): Json {
  return { $ref: pointerTo(name) };
}

function pointerTo(name: string): string {
  return `#/components/schemas/${name}`;
}

export function content(mediaType: string, schema: Json): Json {
  return { content: { [mediaType]: { schema } } };
}

export function answer(description: string, name: string): Json {
  return { description, ...content(JSON_TYPE, reference(name)) };
}

export function requestBody(name: string): Json {
  return { required: true, ...content(JSON_TYPE, reference(name)) };
}

export function pathParameter(name: string, description: string): Json {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}

/** Responses by status, each with the codes that it can carry, as the connector answers them. */
export function problems(codes: readonly ErrorCode[]): Json {
  const byStatus = Map.groupBy(codes, statusOf);
  return Object.fromEntries(
    [...byStatus].sort(([a], [b]) => a - b)
      .map(([status, found]) => [String(status), problem("Refused or failed", found)]),
  );
}

export function problem(description: string, codes: readonly string[]): Json {
  return {
    description: `${description}: ${codes.map((code) => `\`${code}\``).join(", ")}`,
    ...content(PROBLEM_TYPE, {
      allOf: [reference("Problem"), { properties: { code: { enum: [...codes] } } }],
    }),
  };
}
