/**
 * The key that all connectors of a cluster seal their journal with: a Secret that the first leader creates.
 * To create is atomic, so there is never a second one. Only its public part is ever shown.
 */
import {
  type ConnectorKey,
  deriveSecret,
  generateKeyPem,
  keyFromPem,
} from "../../../core/connector_key.ts";
import { decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from "../../../core/encoding.ts";
import type { JournalKey } from "../../../core/journal_key.ts";
import type { KubeObject } from "../../../core/kubernetes_object.ts";
import { StalledError, TransientError } from "../../../errors.ts";
import { damaged, type JournalStore } from "./store.ts";

const TYPE = "neuralops.io/journal-key";
const FIELD = "key.pem";
const RUNBOOK = "The key of a cluster's journal is lost";

export class SharedKey implements JournalKey {
  #loadedKey: { readonly key: ConnectorKey; readonly maskSalt: string } | null = null;

  /** @param maskPurpose of the secret that plans are masked with; see deriveSecret */
  constructor(
    private readonly store: JournalStore,
    private readonly secretName: string,
    private readonly maskPurpose: string,
  ) {}

  /**
   * Reads the key anew; makes it where there is neither a key nor anything that was sealed with one.
   * Throws StalledError `state_damaged`.
   */
  async load(isJournalEmpty: () => Promise<boolean>): Promise<void> {
    this.forget();
    let secret = await this.store.find("secrets", this.secretName);
    if (!secret) {
      if (!await isJournalEmpty()) throw this.#lost();
      await this.#create();
      secret = await this.store.find("secrets", this.secretName);
    }
    if (!secret) throw new TransientError("unavailable", `${this.#what} was deleted again`);
    const key = await this.#read(secret);
    this.#loadedKey = { key, maskSalt: await deriveSecret(key, this.maskPurpose) };
  }

  forget(): void {
    this.#loadedKey = null;
  }

  /** RFC 7638 thumbprint of the public key. */
  get id(): string {
    return this.#loaded.key.jwk.kid;
  }

  get publicKey(): Uint8Array<ArrayBuffer> {
    return this.#loaded.key.publicKey;
  }

  async sign(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#loaded.key.sign(bytes);
  }

  async signJws(typ: string, payload: object): Promise<string> {
    return await this.#loaded.key.signJws(typ, payload);
  }

  /** For an object that was sealed with another key. */
  replaced(sealedBy: string): StalledError {
    return new StalledError(
      "state_damaged",
      `The journal was sealed with key ${sealedBy}; ${this.#what} holds ${this.id}`,
      {
        hint: `restore the Secret from a backup; without one, see "${RUNBOOK}" in docs/runbook.md`,
      },
    );
  }

  /** The same for every connector of the cluster, so that the next leader comes to the same plan digest. */
  get maskSalt(): string {
    return this.#loaded.maskSalt;
  }

  get #loaded(): { readonly key: ConnectorKey; readonly maskSalt: string } {
    if (this.#loadedKey) return this.#loadedKey;
    throw new TransientError("unavailable", "The journal of the cluster is not open");
  }

  get #what(): string {
    return `Secret ${this.store.namespace}/${this.secretName}`;
  }

  async #create(): Promise<void> {
    await this.store.create("secrets", {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: this.secretName },
      type: TYPE,
      immutable: true,
      data: { [FIELD]: encodeBase64(encodeUtf8(await generateKeyPem())) },
    });
  }

  async #read(secret: KubeObject): Promise<ConnectorKey> {
    try {
      const { [FIELD]: text } = secret.data as Record<string, string>;
      return await keyFromPem(decodeUtf8(decodeBase64(text!)));
    } catch {
      // The cause is dropped: a parser's message could quote the key.
      throw damaged(this.#what, `it holds no Ed25519 key under ${FIELD}`);
    }
  }

  #lost(): StalledError {
    return new StalledError(
      "state_damaged",
      `${this.#what} is gone, but the journal holds executions that were sealed with its key`,
      {
        hint: `restore the Secret from a backup; without one, see "${RUNBOOK}" in docs/runbook.md`,
      },
    );
  }
}
