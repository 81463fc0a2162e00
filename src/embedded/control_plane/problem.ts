/** RFC 9457 answers of the embedded control plane. Handlers throw a Refusal; one place renders it. */
import type { z } from "zod";

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** Further members of the problem document. */
    readonly members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }

  toResponse(): Response {
    const { status, code, detail, members } = this;
    const type = `https://neuralops.io/problems/${code}`;
    return new Response(JSON.stringify({ type, title: code, status, detail, code, ...members }), {
      status,
      headers: { "content-type": "application/problem+json" },
    });
  }
}

/** 422 with the first field that is wrong. */
export function parseOrRefuse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join(".") ?? "";
  throw new Refusal(422, "malformed_request", `"${where}" ${issue?.message ?? "is wrong"}`);
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, "malformed_request", "the body is no JSON");
  }
}
