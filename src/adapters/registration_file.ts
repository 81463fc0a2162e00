/**
 * `registration.json`, and `collector.json` of one that registers for its node alone: who this connector
 * is, for a restart while nobody can be reached. No token.
 */
import * as z from "zod";
import { decodeUtf8, encodeUtf8 } from "../core/encoding.ts";
import { RegisterResponse } from "../core/protocol.ts";
import type { ClusterIdentity } from "../core/session.ts";
import { StalledError } from "../errors.ts";
import type { Files } from "../runtime.ts";

const MAX_BYTES = 256 * 1024;
const Content = RegisterResponse.pick({ clusterId: true, orchestrator: true });

export class RegistrationFile {
  readonly #path: string;

  constructor(private readonly files: Files, stateDir: string, name = "registration.json") {
    this.#path = `${stateDir}/${name}`;
  }

  /** null when it was never registered. Throws StalledError `config_invalid` for a damaged file. */
  async load(): Promise<ClusterIdentity | null> {
    const bytes = await this.files.read(this.#path, MAX_BYTES);
    if (bytes === null) return null;
    try {
      return Content.parse(JSON.parse(decodeUtf8(bytes)));
    } catch (error) {
      const what = error instanceof z.ZodError ? "does not have the expected fields" : "is no JSON";
      throw new StalledError("config_invalid", `${this.#path} ${what}`, {
        cause: error,
        hint: "remove it: the next registration writes it anew",
      });
    }
  }

  async save(identity: ClusterIdentity): Promise<void> {
    await this.files.replaceDurably(this.#path, encodeUtf8(JSON.stringify(identity)));
  }
}
