/** The CLI's way to a running connector: HTTP over the Unix socket in its state directory. */
import { ADMIN_SOCKET } from "../http/admin.ts";
import type { ConnectorJwk } from "../core/connector_key.ts";
import type { ExecutionListing } from "../http/execution_list.ts";
import type { ExecutionDescription } from "../http/execution_view.ts";
import { Problem } from "../core/protocol.ts";
import { TransientError } from "../errors.ts";
import type { Http, HttpClient } from "../runtime.ts";
import { errorOfProblem } from "./problem_error.ts";

const TIMEOUT_MS = 15_000;

export class AdminClient {
  readonly #client: HttpClient;

  constructor(http: Pick<Http, "client">, private readonly stateDir: string) {
    this.#client = http.client({ unixSocket: `${stateDir}/${ADMIN_SOCKET}` });
  }

  async list({ limit, state }: { limit: number; state?: string }): Promise<ExecutionListing> {
    const query = new URLSearchParams({ limit: String(limit), ...(state ? { state } : {}) });
    return await this.#call("GET", `/executions?${query}`);
  }

  async show(id: string): Promise<ExecutionDescription> {
    return await this.#call("GET", `/executions/${encodeURIComponent(id)}`);
  }

  async receipt(id: string): Promise<{ executionId: string; receipt: string }> {
    return await this.#call("GET", `/executions/${encodeURIComponent(id)}/receipt`);
  }

  async key(): Promise<ConnectorJwk> {
    return await this.#call("GET", "/key");
  }

  async approve(id: string, planDigest: string, approver: string): Promise<ExecutionDescription> {
    const path = `/executions/${encodeURIComponent(id)}/approve`;
    return await this.#call("POST", path, { planDigest, approver });
  }

  async reject(id: string, approver: string, reason: string): Promise<ExecutionDescription> {
    const path = `/executions/${encodeURIComponent(id)}/reject`;
    return await this.#call("POST", path, { approver, reason });
  }

  close(): void {
    this.#client.close();
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, body);
    const answer: unknown = await response.json().catch(() => null);
    if (response.ok && answer !== null) return answer as T;
    const problem = Problem.safeParse(answer);
    if (problem.success) throw errorOfProblem(problem.data);
    throw new TransientError(
      "unavailable",
      `What answers in ${this.stateDir} is no connector of this version (status ${response.status})`,
      { hint: "restart the connector after an update" },
    );
  }

  async #send(method: string, path: string, body: unknown): Promise<Response> {
    try {
      return await this.#client.fetch(`http://connector${path}`, {
        method,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw new TransientError("unavailable", `No connector answers in ${this.stateDir}`, {
        cause: error,
        hint: "start it with: neuralops-connector run; or name its folder with --state-dir",
      });
    }
  }
}
