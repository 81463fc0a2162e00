/** One bucket in memory: versions, delete markers, Object Lock in COMPLIANCE mode. */
import { encodeBase64, sha256 } from "../../core/encoding.ts";
import { S3Problem } from "./problem.ts";

export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
  /** null for a delete marker. */
  readonly body: Uint8Array<ArrayBuffer> | null;
  /** Base64; null when the writer sent none. */
  readonly checksumSha256: string | null;
  readonly retainUntil: Date | null;
  readonly lastModified: Date;
}

export interface BucketOptions {
  readonly name: string;
  readonly objectLock: boolean;
  /** Always on with Object Lock. */
  readonly versioning: boolean;
}

export class Bucket {
  /** Newest version last. */
  readonly #versions = new Map<string, ObjectVersion[]>();
  #counter = 0;

  constructor(readonly options: BucketOptions, private readonly now: () => Date) {}

  put(
    key: string,
    body: Uint8Array<ArrayBuffer>,
    options: { createOnly: boolean; checksumSha256: string | null; retainUntil: Date | null },
  ): ObjectVersion {
    const { createOnly, checksumSha256, retainUntil } = options;
    if (createOnly && this.current(key)) {
      throw new S3Problem(412, "PreconditionFailed", "If-None-Match did not hold");
    }
    if (checksumSha256 !== null && checksumSha256 !== encodeBase64(sha256(body))) {
      throw new S3Problem(400, "BadDigest", "The SHA-256 you specified did not match");
    }
    return this.#add({ key, body, checksumSha256, retainUntil });
  }

  /** The newest version, unless that is a delete marker. */
  current(key: string): ObjectVersion | null {
    const newest = this.#versions.get(key)?.at(-1);
    return newest?.body ? newest : null;
  }

  find(key: string, versionId: string | null): ObjectVersion {
    const found = versionId === null
      ? this.current(key)
      : this.#versions.get(key)?.find((version) => version.versionId === versionId);
    if (found?.body) return found;
    const code = versionId === null ? "NoSuchKey" : "NoSuchVersion";
    throw new S3Problem(404, code, "There is no such object or version");
  }

  /** COMPLIANCE may only become longer. */
  retain(key: string, versionId: string | null, retainUntil: Date): void {
    const version = this.find(key, versionId);
    if (version.retainUntil && version.retainUntil > retainUntil) {
      throw new S3Problem(403, "AccessDenied", "The retention can only be lengthened");
    }
    const versions = this.#versions.get(key)!;
    this.#versions.set(key, versions.with(versions.indexOf(version), { ...version, retainUntil }));
  }

  /** All versions in the order of keys, the newest of each first. */
  versions(prefix: string): ObjectVersion[] {
    return [...this.#versions.keys()].filter((key) => key.startsWith(prefix)).sort()
      .flatMap((key) => this.#versions.get(key)!.toReversed());
  }

  remove(key: string, versionId: string | null): { versionId: string; isMarker: boolean } {
    const versions = this.#versions.get(key) ?? [];
    if (versionId === null && this.options.versioning) {
      const empty = { key, body: null, checksumSha256: null, retainUntil: null };
      return { versionId: this.#add(empty).versionId, isMarker: true };
    }
    const removed = versionId === null ? versions.at(-1) : versions.find(
      (version) => version.versionId === versionId,
    );
    if (!removed) return { versionId: versionId ?? "null", isMarker: false };
    if (removed.retainUntil && removed.retainUntil > this.now()) {
      throw new S3Problem(403, "AccessDenied", "The object version is locked");
    }
    const rest = versions.filter((version) => version !== removed);
    if (rest.length > 0) this.#versions.set(key, rest);
    else this.#versions.delete(key);
    return { versionId: removed.versionId, isMarker: removed.body === null };
  }

  #add(content: Omit<ObjectVersion, "versionId" | "lastModified">): ObjectVersion {
    this.#counter += 1;
    const versionId = this.options.versioning
      ? `v${String(this.#counter).padStart(8, "0")}`
      : "null";
    const version = { ...content, versionId, lastModified: this.now() };
    const before = this.options.versioning ? this.#versions.get(content.key) ?? [] : [];
    this.#versions.set(content.key, [...before, version]);
    return version;
  }
}
