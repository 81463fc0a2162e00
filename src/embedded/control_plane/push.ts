/** The Orchestrator's side of POST /execute: pushes a work package to a connector's listener. */
import type { ExecuteRequest } from "../../core/protocol.ts";

export interface PushAnswer {
  readonly status: number;
  /** ExecuteResponse, or a problem document. */
  readonly body: unknown;
}

/** @param token from `orchestratorToken`; none is sent without it */
export async function pushExecute(
  connectorUrl: string,
  caPem: string,
  request: ExecuteRequest,
  token?: string,
): Promise<PushAnswer> {
  const client = Deno.createHttpClient({ caCerts: [caPem] });
  try {
    const response = await fetch(`${connectorUrl}/execute`, {
      client,
      redirect: "error",
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(request),
    });
    return { status: response.status, body: await response.json() };
  } finally {
    client.close();
  }
}
