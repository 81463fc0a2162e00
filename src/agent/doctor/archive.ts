/** Whether the bucket is what was asked for: versions, Object Lock, retention, and who may undo them. */
import type { S3Archive } from "../../adapters/s3.ts";
import { S3Settings } from "../../adapters/s3_settings.ts";
import { parseShippedKey, startOfDay, trimSlashes } from "../../core/audit/segment.ts";
import { openArchive, type S3Config } from "../audit_shipping.ts";
import { type Check, failed, type Finding, found } from "./check.ts";

const DAY_MS = 86_400_000;

type Look = (archive: S3Archive, s3: S3Config, uuid: string) => Promise<Finding>;

/** By the name of what each looks at. */
const LOOKS: Readonly<Record<string, Look>> = {
  async "s3 versions"({ connection }) {
    const check = "s3 versions";
    if (await new S3Settings(connection).isVersioned()) return found(check, "ok", "kept");
    const fix = "turn versioning on: without it, what is overwritten is gone";
    return found(check, "fail", "not kept", fix);
  },
  async "s3 object lock"({ connection }, { retention }) {
    const check = "s3 object lock";
    const lock = await new S3Settings(connection).objectLock();
    if (lock === null) {
      return found(
        check,
        "fail",
        "the bucket has none",
        "make a bucket with Object Lock: what is shipped to this one can be deleted",
      );
    }
    const asked = `each object is retained for ${retention / DAY_MS} days in COMPLIANCE mode`;
    const { defaultRetention } = lock;
    if (defaultRetention === null) {
      return found(check, "ok", `${asked}; the bucket has no default of its own`);
    }
    const { mode, days } = defaultRetention;
    return found(check, "ok", `${asked}; the bucket's default is ${days} days in ${mode} mode`);
  },
  async "s3 newest day"(archive, s3) {
    const check = "s3 newest day";
    let newest: { key: string; day: string } | null = null;
    for await (const { key } of archive.versions(folderOf(s3))) {
      const name = parseShippedKey(s3.prefix, key);
      if (name?.kind === "jsonl" && name.day >= (newest?.day ?? "")) {
        newest = { key, day: name.day };
      }
    }
    if (newest === null) return found(check, "skip", "nothing was shipped yet");
    const head = await archive.head(newest.key);
    if (head === null) {
      return found(
        check,
        "fail",
        `${newest.key} is hidden by a delete marker`,
        "remove the marker, and find out who may delete",
      );
    }
    const until = head.retainedUntilMs;
    const asked = startOfDay(newest.day) + s3.retention;
    if (until !== null && until >= asked) {
      return found(check, "ok", `${newest.day}, retained until ${new Date(until).toISOString()}`);
    }
    const detail = until === null
      ? `${newest.day} is not retained, as far as this access key may see`
      : `${newest.day} is retained until ${new Date(until).toISOString()} only`;
    return found(
      check,
      "fail",
      detail,
      "lengthen its retention, and let the key read it: s3:GetObjectRetention",
    );
  },
  async "s3 rights"({ connection }, s3, uuid) {
    const check = "s3 rights";
    const settings = new S3Settings(connection);
    const key = `${folderOf(s3)}doctor-${uuid}`;
    const fix = "take s3:DeleteObjectVersion and s3:BypassGovernanceRetention from the access key";
    if (await settings.mayDeleteVersions(key, true)) {
      return found(
        check,
        "warn",
        "the access key may delete versions, and pass over GOVERNANCE; not what COMPLIANCE retains",
        fix,
      );
    }
    if (await settings.mayDeleteVersions(key, false)) {
      return found(check, "warn", "the access key may delete versions that are not retained", fix);
    }
    return found(check, "ok", "the access key may delete no versions");
  },
  async "s3 encryption"({ connection }) {
    const check = "s3 encryption";
    const algorithm = await new S3Settings(connection).encryption();
    if (algorithm !== null) return found(check, "ok", algorithm);
    return found(
      check,
      "warn",
      "the bucket has no setting of its own",
      "set one, unless the store encrypts all it holds",
    );
  },
};

export const archive: Check = {
  name: "s3",
  async run(parts): Promise<readonly Finding[]> {
    const { s3 } = parts.config.audit;
    if (!s3) {
      return [found(this.name, "skip", "no audit.s3 section: sealed days stay on this disk")];
    }
    const store = await openArchive(s3, parts, parts.vault);
    try {
      // The first failure to reach it at all is enough of them.
      await store.hasObjectLock();
      const reached = found(this.name, "ok", `${store.connection.where} answers`);
      const looks = Object.entries(LOOKS).map(([name, look]) =>
        look(store, s3, parts.runtime.random.uuid()).catch((error) => failed(name, error))
      );
      return [reached, ...await Promise.all(looks)];
    } finally {
      await store.close();
    }
  },
};

function folderOf({ prefix }: S3Config): string {
  const folder = trimSlashes(prefix);
  return folder === "" ? "" : `${folder}/`;
}
