/** The CLI's way to a running connector: HTTP over the Unix socket in its state directory. */
import { ADMIN_SOCKET } from "../core/state_sockets.ts";
import type { ApprovalDocument } from "../core/approval_document.ts";
import type { ConnectorJwk } from "../core/connector_key.ts";
import type { ExecutionListing } from "../http/execution_list.ts";
import type { ExecutionDescription } from "../http/execution_view.ts";
import type { AgentStatus } from "../http/status.ts";
import { CHALLENGE_FOLDER, type Decision, PROOF_MODE, proofName } from "../core/ownership_proof.ts";
import { Problem, type SignedApprovalRequest } from "../core/protocol.ts";
import { RefusedError, TransientError } from "../errors.ts";
import type { Files, Http, HttpClient } from "../runtime.ts";
import { errorOfProblem } from "./problem_error.ts";

const TIMEOUT_MS = 15_000;

export class AdminClient {
  readonly #client: HttpClient;

  /** @param files to show who the person is: see ownership_proof.ts */
  constructor(
    http: Pick<Http, "client">,
    private readonly files: Pick<Files, "makeDirectory">,
    private readonly stateDir: string,
  ) {
    this.#client = http.client({ unixSocket: `${stateDir}/${ADMIN_SOCKET}` });
  }

  async status(): Promise<AgentStatus> {
    return await this.#call("GET", "/status");
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

  async approve(id: string, planDigest: string): Promise<ExecutionDescription> {
    const nonce = await this.#prove({ decision: "approve", executionId: id, planDigest });
    return await this.#post(id, "approve", { planDigest, nonce });
  }

  async reject(id: string, reason: string): Promise<ExecutionDescription> {
    const nonce = await this.#prove({ decision: "reject", executionId: id, reason });
    return await this.#post(id, "reject", { reason, nonce });
  }

  /** What a person is to sign. */
  async approvalDocument(
    id: string,
    decision: Pick<ApprovalDocument, "decision" | "reason">,
  ): Promise<ApprovalDocument> {
    return await this.#post(id, "approval-document", decision);
  }

  async sendSigned(id: string, signed: SignedApprovalRequest): Promise<ExecutionDescription> {
    return await this.#post(id, "approvals", signed);
  }

  close(): void {
    this.#client.close();
  }

  /** Returns the nonce of a challenge that was answered. Throws RefusedError `approver_unproven`. */
  async #prove(decision: Decision): Promise<string> {
    const { nonce } = await this.#call<{ nonce: string }>("POST", "/challenges");
    const path = `${this.stateDir}/${CHALLENGE_FOLDER}/${proofName(nonce, decision)}`;
    try {
      if (await this.files.makeDirectory(path, PROOF_MODE)) return nonce;
    } catch (cause) {
      throw new RefusedError("approver_unproven", `Cannot show who you are: ${reasonOf(cause)}`, {
        cause,
        hint: "the connector's own user and root can, and the group of its state directory where " +
          "adminSocketGroupAccess is true; others sign a document: executions approval ID",
      });
    }
    throw new RefusedError("approver_unproven", `Cannot show who you are: ${path} is taken`, {
      hint: "try again; if it stays, someone else answers challenges on this machine",
    });
  }

  async #post<T>(id: string, action: string, body: unknown): Promise<T> {
    return await this.#call("POST", `/executions/${encodeURIComponent(id)}/${action}`, body);
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

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
