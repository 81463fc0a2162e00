/** The calls that a change needs, and nothing around them: the same client, the same object. */
import { loadCredentials } from "../../src/adapters/kubernetes/credentials.ts";
import { SecretMask } from "../../src/log.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { FIELD_MANAGER } from "./site.ts";
import { deployment, type Workload } from "./work_packages.ts";

export interface BareCalls {
  /** Milliseconds from before the first until the last one's answer has been read. */
  dryRunAndApply(run: string): Promise<number>;
  getDryRunAndApply(run: string): Promise<number>;
  /** Removes the object. */
  delete(): Promise<void>;
  close(): void;
}

export async function openBareCalls(
  kubeconfig: string,
  { namespace, name }: Workload,
): Promise<BareCalls> {
  const { files, clock, http } = systemRuntime();
  const { baseUrl, token, ...tls } = await loadCredentials(
    { mode: "kubeconfig", kubeconfig },
    { files, clock, mask: new SecretMask(), env: () => undefined },
  );
  const client = http.client(tls);
  const url = `${baseUrl}/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  const query = `?fieldManager=${FIELD_MANAGER}&fieldValidation=Strict`;
  const bearer = await token();
  const authorization = bearer ? { authorization: `Bearer ${bearer}` } : undefined;

  async function call(method: string, target: string, body?: string): Promise<void> {
    const response = await client.fetch(target, {
      method,
      headers: {
        accept: "application/json",
        ...authorization,
        ...(body === undefined ? {} : { "content-type": "application/apply-patch+yaml" }),
      },
      ...(body === undefined ? {} : { body }),
    });
    const answer = await response.text();
    if (!response.ok) throw new Error(`${method} ${target}: ${response.status} ${answer}`);
  }
  const get = () => call("GET", url);
  const dryRun = (body: string) => call("PATCH", `${url}${query}&dryRun=All`, body);
  const apply = (body: string) => call("PATCH", `${url}${query}`, body);
  const bodyOf = (run: string) => JSON.stringify(deployment({ namespace, name }, run));

  return {
    async dryRunAndApply(run) {
      const startMs = performance.now();
      const body = bodyOf(run);
      await dryRun(body);
      await apply(body);
      return performance.now() - startMs;
    },
    async getDryRunAndApply(run) {
      const startMs = performance.now();
      const body = bodyOf(run);
      await get();
      await dryRun(body);
      await apply(body);
      return performance.now() - startMs;
    },
    delete: () => call("DELETE", url),
    close: () => client.close(),
  };
}
