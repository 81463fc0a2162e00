/** A request's JSON body: bounded in size and in time, then parsed by a schema. */
import type { z } from "zod";
import { ConnectorError, InvalidInputError, TransientError } from "../errors.ts";
import { readBounded } from "../core/bounded_read.ts";
import { decodeUtf8 } from "../core/encoding.ts";
import { describeIssues } from "../core/schema_problem.ts";
import type { Clock } from "../runtime.ts";

/** A slow client gets this long for the whole body. */
export const BODY_DEADLINE_MS = 15_000;

/** The client's own slowness: answered 408, where any other timeout is 503. */
export class SlowBodyError extends TransientError {
  constructor() {
    super("timeout", `The body did not come within ${BODY_DEADLINE_MS} ms`);
  }
}

/** Throws InvalidInputError `too_large` or `malformed_request`, SlowBodyError. */
export async function readJson<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  maxBytes: number,
  clock: Clock,
): Promise<z.infer<Schema>> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > maxBytes) {
    await request.body?.cancel();
    throw new InvalidInputError(
      "too_large",
      `The body has ${declared} bytes, at most ${maxBytes} are allowed`,
    );
  }
  const value = parseJson(await readInTime(request, maxBytes, clock));
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(
    "malformed_request",
    `The body is not valid: ${describeIssues(parsed.error, value, schema).join("; ")}`,
    { hint: "see docs/openapi/connector.yaml" },
  );
}

async function readInTime(request: Request, maxBytes: number, clock: Clock): Promise<string> {
  if (!request.body) return "";
  const tooSlow = new AbortController();
  const done = new AbortController();
  clock.sleep(BODY_DEADLINE_MS, done.signal).then(
    () => tooSlow.abort(new SlowBodyError()),
    () => {},
  );
  try {
    return decodeUtf8(await readBounded(request.body, maxBytes, "The body", tooSlow.signal));
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    throw new InvalidInputError("malformed_request", "The body is not UTF-8 or broke off", {
      cause: error,
    });
  } finally {
    done.abort();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidInputError("malformed_request", "The body is not JSON", { cause: error });
  }
}
