/**
 * What Sigstore's conformance suite asks of certificates, timestamps and trusted roots, on an instance of
 * our own. A good case is null; a bad one names its code and what the refusal must say.
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { encodeBase64, encodeUtf8 } from "../../../src/core/encoding.ts";
import { namesIdentity } from "../../../src/core/verification/certificate.ts";
import { createVerifier } from "../../../src/core/verification/verify.ts";
import type { ErrorCode } from "../../../src/errors.ts";
import { createKeylessAuthority } from "../../../src/embedded/keyless_authority.ts";
import { type BundleJson, createKeySigner } from "../../../src/embedded/signer.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";
import { expectRefusal } from "./expect_refusal.ts";

const HOUR_MS = 3_600_000;
const artifact = encodeUtf8("the package");
const who = { identity: "https://ci.example/release", issuer: "https://issuer.example" };
// The timestamp authority's certificate begins to be valid when it is made, by the real clock.
const NOW = Math.ceil(Date.now() / 1000) * 1000 + 1000;
const clock = new FakeClock(NOW);
const authority = await createKeylessAuthority(clock);
const elsewhere = await createKeylessAuthority(clock);

const v1 = await authority.sign(artifact, who);
const v2 = await authority.sign(artifact, who, { log: "v2" });

/** JSON with its innards open to a test's changes. */
type Open = { [key: string]: Open } & Open[];
const set = (target: Open | undefined, key: string, value: unknown) =>
  Reflect.set(target!, key, value);
function change(value: unknown, edit: (open: Open) => void): unknown {
  const open = structuredClone(value) as Open;
  edit(open);
  return open;
}
const root = JSON.parse(authority.trustedRootJson);
const foreignRoot = JSON.parse(elsewhere.trustedRootJson);

function verify(bundle: unknown, trustedRoot: unknown = root) {
  const trustedRootJson = JSON.stringify(trustedRoot);
  return createVerifier([{ kind: "keyless", name: "ci", ...who, trustedRootJson }])
    .verify(artifact, bundle);
}

type Case = [make: () => unknown, refusal: null | [ErrorCode, RegExp]];
function table(subject: string, cases: Readonly<Record<string, Case>>): void {
  for (const [name, [make, refusal]] of Object.entries(cases)) {
    Deno.test(`verifier ${refusal ? "refuses" : "accepts"} ${subject} ${name}`, () => {
      if (refusal) expectRefusal(make, ...refusal);
      else make();
    });
  }
}

/** The timestamp that the authority gives to the same signature at another time. */
async function stampedAt(bundle: BundleJson, offsetMs: number, by = authority): Promise<unknown> {
  clock.step(offsetMs);
  const { verificationMaterial } = await by.addLogEntry(bundle, "-----BEGIN CERTIFICATE-----", {
    log: "v2",
  });
  clock.step(-offsetMs);
  const { timestampVerificationData } = verificationMaterial as unknown as Open;
  return timestampVerificationData!.rfc3161Timestamps![0];
}
const soon = await stampedAt(v2, 60_000);
const late = await stampedAt(v2, HOUR_MS);
const unknown = await stampedAt(v2, 0, elsewhere);

const withStamps = (edit: (stamps: Open) => void, bundle: unknown = v2) =>
  change(
    bundle,
    (open) => edit(open.verificationMaterial!.timestampVerificationData!.rfc3161Timestamps!),
  );
const stamp = (value: unknown) => value as Open;
const TIME = "missing_log_proof";

const withTsa = (edit: (authorities: Open) => void) =>
  change(root, (open) => edit(open.timestampAuthorities!));
const period = (startMs: number, endMs?: number) => ({
  start: new Date(startMs).toISOString(),
  ...endMs !== undefined && { end: new Date(endMs).toISOString() },
});

table("timestamps", {
  "that are two, both within the certificate's time": [
    () => verify(withStamps((stamps) => stamps.push(stamp(soon)))),
    null,
  ],
  "of which the second came after the certificate's end": [
    () => verify(withStamps((stamps) => stamps.push(stamp(late)))),
    ["expired", /certificate check/],
  ],
  "that came after the certificate's end": [
    () => verify(withStamps((stamps) => stamps.splice(0, 1, stamp(late)))),
    ["expired", /certificate check/],
  ],
  "of an authority that is not trusted": [
    () => verify(withStamps((stamps) => stamps.splice(0, 1, stamp(unknown)))),
    [TIME, /timestamp check .*could not be verified/],
  ],
  "of which one is of an authority that is not trusted": [
    () => verify(withStamps((stamps) => stamps.push(stamp(unknown)))),
    [TIME, /timestamp check .*could not be verified/],
  ],
  "in base64 with wrapped lines": [
    () =>
      verify(withStamps((stamps) => {
        const text = stamps[0]!.signedTimestamp as unknown as string;
        set(stamps[0], "signedTimestamp", text.replace(/.{64}/g, "$&\n"));
      })),
    null,
  ],
  "at the very end of their authority's validity": [
    () => verify(v2, withTsa(([tsa]) => set(tsa, "validFor", period(0, NOW)))),
    null,
  ],
  "after the end of their authority's validity": [
    () => verify(v2, withTsa(([tsa]) => set(tsa, "validFor", period(0, NOW - 1000)))),
    [TIME, /timestamp check/],
  ],
  "after that end, though another authority's validity covers them": [
    () =>
      verify(
        v2,
        withTsa((authorities) => {
          set(authorities[0], "validFor", period(0, NOW - 1000));
          authorities.push(foreignRoot.timestampAuthorities[0]);
        }),
      ),
    [TIME, /timestamp check/],
  ],
  "where the root names no authority": [
    () => verify(v2, withTsa((authorities) => authorities.splice(0))),
    [TIME, /timestamp check/],
  ],
  "where an authority has no certificates": [
    () => verify(v2, withTsa(([tsa]) => set(tsa!.certChain, "certificates", []))),
    ["config_invalid", /timestampAuthorities\[0\]\.certChain\.certificates/],
  ],
});

table("an entry of Rekor v2 whose log's key", {
  "was valid at the timestamp": [
    () => verify(v2, withLogs((logs) => set(logs[0]!.publicKey, "validFor", period(0, NOW)))),
    null,
  ],
  "ended before the timestamp": [
    () => verify(v2, withLogs((logs) => set(logs[0]!.publicKey, "validFor", period(0, NOW - 1)))),
    [TIME, /key was not valid then/],
  ],
});

function withLogs(edit: (logs: Open) => void): unknown {
  return change(root, (open) => edit(open.tlogs!));
}

table("a root", {
  "without validity of its log": [
    () => verify(v1, withLogs((logs) => Reflect.deleteProperty(logs[0]!.publicKey!, "validFor"))),
    ["config_invalid", /tlogs\[0\]\.publicKey\.validFor: is missing/],
  ],
  "without start of its CT log": [
    () => verify(v1, change(root, (open) => set(open.ctlogs![0]!.publicKey, "validFor", {}))),
    ["config_invalid", /ctlogs\[0\]\.publicKey\.validFor\.start: is missing/],
  ],
  "whose validity ends before it begins": [
    () => verify(v1, withTsa(([tsa]) => set(tsa, "validFor", period(NOW, 0)))),
    ["config_invalid", /must not end before its start/],
  ],
  "whose validity is no time": [
    () => verify(v1, withTsa(([tsa]) => set(tsa, "validFor", { start: "soon" }))),
    ["config_invalid", /must be an RFC 3339 time/],
  ],
  "whose authority names no validity": [
    () =>
      verify(
        v1,
        change(
          root,
          (open) => Reflect.deleteProperty(open.certificateAuthorities![0]!, "validFor"),
        ),
      ),
    null,
  ],
  "without CT logs": [
    () => verify(v1, change(root, (open) => set(open, "ctlogs", []))),
    ["config_invalid", /holds no ctlogs/],
  ],
  "whose CT log ended before the certificate": [
    () =>
      verify(
        v1,
        change(root, (open) => set(open.ctlogs![0]!.publicKey, "validFor", period(0, NOW - 1000))),
      ),
    ["untrusted_certificate", /SCT/],
  ],
  "of another version": [
    () => verify(v1, { ...root, mediaType: root.mediaType.replace("0.1", "9.9") }),
    ["config_invalid", /mediaType: must be that of a Sigstore trusted root/],
  ],
});

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
async function createDecoy(): Promise<unknown> {
  const der = root.certificateAuthorities[0].certChain.certificates[0].rawBytes;
  const genuine = new x509.X509Certificate(der);
  const decoy = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "02",
    name: genuine.subjectName,
    notBefore: genuine.notBefore,
    notAfter: genuine.notAfter,
    signingAlgorithm: ALGORITHM,
    keys: await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]),
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  });
  const rawBytes = encodeBase64(new Uint8Array(decoy.rawData));
  return { ...root.certificateAuthorities[0], certChain: { certificates: [{ rawBytes }] } };
}
const decoy = await createDecoy();

const chained = (...more: unknown[]) =>
  change(v1, (open) => {
    const material = open.verificationMaterial!;
    set(open, "mediaType", "application/vnd.dev.sigstore.bundle+json;version=0.2");
    set(material, "x509CertificateChain", { certificates: [material.certificate, ...more] });
    Reflect.deleteProperty(material, "certificate");
  });

table("a certificate", {
  "whose authority shares its name with another": [
    () => verify(v1, change(root, (open) => open.certificateAuthorities!.unshift(decoy as Open))),
    null,
  ],
  "of which only the namesake is trusted": [
    () => verify(v1, { ...root, certificateAuthorities: [decoy] }),
    ["untrusted_certificate", /certificate check/],
  ],
  "in a chain of one": [() => verify(chained()), null],
  "in a chain with the root": [
    () => verify(chained(root.certificateAuthorities[0].certChain.certificates[0])),
    ["malformed_bundle", /holds a root certificate/],
  ],
  "in a chain with what is none": [
    () => verify(chained({ rawBytes: btoa("certificate") })),
    ["malformed_bundle", /cannot be read/],
  ],
});

const versioned = (version: string, edit: (proof: Open) => void) =>
  change(chained(), (open) => {
    set(open, "mediaType", `application/vnd.dev.sigstore.bundle+json;version=${version}`);
    edit(open.verificationMaterial!.tlogEntries![0]!.inclusionProof!);
  });

table("a bundle", {
  "v0.1 whose proof has no checkpoint": [
    () => verify(versioned("0.1", (proof) => Reflect.deleteProperty(proof, "checkpoint"))),
    null,
  ],
  "v0.1 whose proof has no checkpoint and leads nowhere": [
    () =>
      verify(versioned("0.1", (proof) => {
        Reflect.deleteProperty(proof, "checkpoint");
        set(proof, "hashes", [btoa("x".repeat(32))]);
      })),
    ["malformed_bundle", /inclusion proof that does not lead/],
  ],
  "v0.2 whose proof has no checkpoint": [
    () => verify(versioned("0.2", (proof) => Reflect.deleteProperty(proof, "checkpoint"))),
    ["malformed_bundle", /inclusionProof\.checkpoint/],
  ],
  "with a negative log index": [
    () =>
      verify(change(v1, (open) => set(open.verificationMaterial!.tlogEntries![0], "logIndex", -1))),
    ["malformed_bundle", /tlogEntries\.0\.logIndex/],
  ],
});

Deno.test("verifier accepts a key's bundle without entries beside a root that names nothing", async () => {
  const signer = await createKeySigner();
  const bare = JSON.stringify({ mediaType: root.mediaType });
  const verifier = createVerifier([{
    kind: "key",
    name: "ops",
    publicKeyPem: signer.publicKeyPem,
    transparencyLog: "optional",
    trustedRootJson: bare,
  }]);
  const bundle = signer.sign(artifact);
  assert.equal(verifier.verify(artifact, bundle).logged, false);
  const logged = await authority.addLogEntry(bundle, signer.publicKeyPem);
  expectRefusal(() => verifier.verify(artifact, logged), "missing_log_proof", /transparency log/);
});

Deno.test("namesIdentity knows Fulcio's user names, which are other names", () => {
  const name = Buffer.from("3017a015060a2b0601040183bf300107a0070c056121622e63", "hex");
  const identity = { oids: [{ oid: { id: [2, 5, 29, 17] }, value: name }] };
  assert.ok(namesIdentity(identity, "a!b.c"));
  assert.ok(!namesIdentity(identity, "a!b.d"));
});
