/**
 * What a release is made of, as CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/). It holds no time and
 * no random number: the same release has the same SBOM.
 */
import { createHash } from "node:crypto";

export interface Part {
  readonly name: string;
  readonly version: string;
  /** SPDX expression, as its package.json has it; null where that says nothing. */
  readonly licence: string | null;
}

/** The parts of deno.lock that this reads. */
export interface Lock {
  /** `npm:NAME@RANGE` → version. */
  readonly specifiers: Readonly<Record<string, string>>;
  /**
   * `NAME@VERSION` → what was locked, with `_PEER@VERSION` behind it where its peers were chosen;
   * a dependency without a version is the only one of its name.
   */
  readonly npm: Readonly<
    Record<string, { readonly integrity?: string; readonly dependencies?: readonly string[] }>
  >;
}

export interface Release {
  readonly version: string;
  readonly commit: string | null;
  /** Of the base that the binaries stand on. */
  readonly deno: string;
  readonly parts: readonly Part[];
}

type Locked = ReadonlyMap<string, Lock["npm"][string]>;
type Json = Readonly<Record<string, unknown>>;

/** Throws for a part that the lock does not have. */
export function sbomOf({ version, commit, deno, parts }: Release, lock: Lock): Json {
  const locked = new Map(
    Object.entries(lock.npm).map(([key, entry]) => [withoutPeers(key), entry]),
  );
  const root = `pkg:generic/neuralops-connector@${version}`;
  const runtime = `pkg:generic/deno@${deno}`;
  const refs = new Map(
    parts.map(({ name, version }) => [`${name}@${version}`, purl(name, version)]),
  );
  const direct = Object.entries(lock.specifiers).flatMap(([specifier, version]) =>
    refs.get(withoutPeers(`${nameIn(specifier)}@${version}`)) ?? []
  );
  const content = {
    metadata: {
      component: {
        type: "application",
        "bom-ref": root,
        name: "neuralops-connector",
        version,
        purl: root,
        ...(commit === null ? {} : { properties: [{ name: "neuralops:commit", value: commit }] }),
      },
    },
    components: [
      { type: "platform", "bom-ref": runtime, name: "deno", version: deno, purl: runtime },
      ...parts.map((part) => componentOf(part, locked)),
    ],
    dependencies: [
      { ref: root, dependsOn: [runtime, ...new Set(direct)].sort() },
      ...[...refs].map(([key, ref]) => ({ ref, dependsOn: dependenciesOf(key, refs, locked) })),
    ],
  };
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}`,
    version: 1,
    ...content,
  };
}

function componentOf({ name, version, licence }: Part, locked: Locked): Json {
  const ref = purl(name, version);
  const [, group, bare] = /^(?:(@[^/]+)\/)?(.+)$/.exec(name)!;
  const integrity = locked.get(`${name}@${version}`)?.integrity;
  if (integrity === undefined) throw new Error(`deno.lock has no ${name}@${version}`);
  const [, digest] = /^sha512-(.+)$/.exec(integrity) ?? [];
  if (digest === undefined) throw new Error(`deno.lock has no SHA-512 of ${name}@${version}`);
  return {
    type: "library",
    "bom-ref": ref,
    ...(group === undefined ? {} : { group }),
    name: bare,
    version,
    purl: ref,
    hashes: [{ alg: "SHA-512", content: Uint8Array.fromBase64(digest).toHex() }],
    ...(licence === null ? {} : { licenses: [{ expression: licence }] }),
  };
}

/** Those that are in the release; the bundler leaves out whole packages. */
function dependenciesOf(key: string, refs: ReadonlyMap<string, string>, locked: Locked): string[] {
  const found = (locked.get(key)?.dependencies ?? []).flatMap((dependency) => {
    const only = [...refs].find(([other]) => other.startsWith(`${dependency}@`));
    return refs.get(withoutPeers(dependency)) ?? only?.[1] ?? [];
  });
  return [...new Set(found)].sort();
}

/** https://github.com/package-url/purl-spec: the @ of a scope is encoded. */
function purl(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

/** `name@1.0.0_peer@2.0.0` → `name@1.0.0` */
function withoutPeers(key: string): string {
  return key.replace(/(?<=.@[^@_]*)_.*$/, "");
}

/** `npm:@scope/name@range` → `@scope/name` */
function nameIn(specifier: string): string {
  return specifier.slice("npm:".length, specifier.lastIndexOf("@"));
}

/** In the form of a version 8 UUID: one whose bits are the maker's own. */
function uuidOf(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = bytes[6]! & 0x0f | 0x80;
  bytes[8] = bytes[8]! & 0x3f | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
