/** Plain requests to the agent's listener. */
import type { Ground } from "./ground.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export async function probe({ pki }: Ground, port: number, path: string): Promise<Answer> {
  return await request(pki.caPem, port, path, {});
}

/** POST /execute with any body at all, as the Orchestrator. */
export async function execute(ground: Ground, port: number, body: BodyInit): Promise<Answer> {
  const { clusterId } = ground.controlPlane.registrations.at(-1)!;
  const token = await ground.controlPlane.orchestratorToken({ audience: clusterId });
  return await request(ground.pki.caPem, port, "/execute", {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body,
  });
}

async function request(caPem: string, port: number, path: string, init: RequestInit) {
  const client = Deno.createHttpClient({ caCerts: [caPem] });
  try {
    const response = await fetch(`https://127.0.0.1:${port}${path}`, { ...init, client });
    return { status: response.status, text: await response.text() };
  } finally {
    client.close();
  }
}
