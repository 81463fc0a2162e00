/** Who may approve: persons of this site, each known by a user of the machine or the cluster, or a signature. */
import { RefusedError, StalledError } from "../errors.ts";
import type { ExecutionRecord } from "./execution.ts";
import { type DeferredVerifier, deferVerifier } from "./verification/deferred.ts";
import type { TrustedSigner } from "./verification/trust.ts";

const KUBERNETES = "kubernetes ";

/** One means by which a person is known; a person may have several, all under one name. */
export type ApproverEntry =
  | { readonly kind: "user"; readonly name: string; readonly uid: number }
  | { readonly kind: "kubernetes"; readonly name: string; readonly kubernetesUser: string }
  | TrustedSigner;

/** A person who was proven to be one of the approvers. */
export interface Person {
  readonly name: string;
  /** `uid 1000`, `kubernetes alice@example.com`, `key sha256:<hex>` or `identity alice@example.com`. */
  readonly means: string;
}

/** `alice (uid 1000)`: in records, receipts and the audit log. No actor of another kind looks like it. */
export function formatPerson({ name, means }: Person): string {
  return `${name} (${means})`;
}

export class Approvers {
  readonly #users = new Map<number, string>();
  readonly #kubernetesUsers = new Map<string, string>();
  readonly #signers = new Map<string, string>();
  readonly #verifier: DeferredVerifier;

  /**
   * @param ownUid the agent's; it and root are the approvers where no user is configured
   * Throws StalledError `config_invalid`, also when one key or user stands under two names: the same
   * person would count twice.
   */
  static async of(entries: readonly ApproverEntry[], ownUid: number): Promise<Approvers> {
    const signers = entries.filter(isSigner);
    return new Approvers(entries, ownUid, signers, await deferVerifier(signers));
  }

  private constructor(
    entries: readonly ApproverEntry[],
    ownUid: number,
    signers: readonly TrustedSigner[],
    verifier: DeferredVerifier,
  ) {
    for (const entry of entries) {
      const { name } = entry;
      if (entry.kind === "user") addOnce(this.#users, entry.uid, name);
      else if (entry.kind === "kubernetes") {
        addOnce(this.#kubernetesUsers, entry.kubernetesUser, name);
      }
    }
    signers.forEach(({ name }, index) => {
      addOnce(this.#signers, verifier.identities[index]!, name);
    });
    this.#verifier = verifier;
    if (this.#users.size > 0) return;
    this.#users.set(ownUid, `uid-${ownUid}`).set(0, "root");
  }

  /** How many persons there are. */
  get count(): number {
    const names = [this.#users, this.#kubernetesUsers, this.#signers].flatMap((one) => [
      ...one.values(),
    ]);
    return new Set(names).size;
  }

  /** @param uid as the kernel knows it. Throws RefusedError `not_an_approver`. */
  byUser(uid: number): Person {
    const name = this.#users.get(uid);
    if (name !== undefined) return { name, means: `uid ${uid}` };
    throw new RefusedError("not_an_approver", `User ${uid} is not among the approvers`, {
      hint: "add { name, uid } to execution.approvers in the connector's configuration",
    });
  }

  /** @param user as the cluster's API server knows it. Throws RefusedError `not_an_approver`. */
  byKubernetesUser(user: string): Person {
    const name = this.#kubernetesUsers.get(user);
    if (name !== undefined) return { name, means: `${KUBERNETES}${user}` };
    throw new RefusedError(
      "not_an_approver",
      `Kubernetes user ${JSON.stringify(user)} is not among the approvers`,
      {
        hint:
          "add { name, kubernetesUser } to execution.approvers in the connector's configuration",
      },
    );
  }

  /** Who is known by these means now, where they were no signature. Throws RefusedError `not_an_approver`. */
  byMeans(means: string): Person {
    if (means.startsWith(KUBERNETES)) return this.byKubernetesUser(means.slice(KUBERNETES.length));
    return this.byUser(Number(/^uid (\d+)$/.exec(means)?.[1] ?? NaN));
  }

  /** Rejects with RefusedError and InvalidInputError as BundleVerifier.verify throws them. */
  async bySignature(bytes: Uint8Array, bundle: unknown): Promise<Person> {
    const { signer: name, identity } = await this.#verifier.verify(bytes, bundle);
    const kind = identity.startsWith("sha256:") ? "key" : "identity";
    return { name, means: `${kind} ${identity}` };
  }

  /** Whether this person signed the package: under the same name, or by any key or identity of theirs. */
  isRequester(
    { name }: Pick<Person, "name">,
    { signers }: Pick<ExecutionRecord, "signers">,
  ): boolean {
    return signers.some((signer) =>
      signer.name === name || this.#signers.get(signer.identity) === name
    );
  }
}

function isSigner(entry: ApproverEntry): entry is TrustedSigner {
  return entry.kind === "key" || entry.kind === "keyless";
}

function addOnce<Key>(names: Map<Key, string>, key: Key, name: string): void {
  const other = names.get(key);
  if (other === undefined || other === name) {
    names.set(key, name);
    return;
  }
  throw new StalledError(
    "config_invalid",
    `execution.approvers: ${other} and ${name} are known by the same ${key}`,
    { hint: "one person counts once; give them one name" },
  );
}
