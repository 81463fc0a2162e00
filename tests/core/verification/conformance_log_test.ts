/**
 * What Sigstore's conformance suite asks of log entries and statements, on entries of our own making. A
 * good case is null; a bad one names its code and what the refusal must say.
 */
import { dsse } from "@sigstore/core";
import { Buffer } from "node:buffer";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { encodeBase64, encodeUtf8, sha256, sha256Hex } from "../../../src/core/encoding.ts";
import { createVerifier } from "../../../src/core/verification/verify.ts";
import type { ErrorCode } from "../../../src/errors.ts";
import { type EntryBody, OneLeafLog } from "../../fakes/one_leaf_log.ts";
import { expectRefusal } from "./expect_refusal.ts";

const artifact = encodeUtf8("the package");
const TYPE = "application/vnd.in-toto+json";
const NOW = Date.parse("2026-11-22T10:00:00Z");
const log = new OneLeafLog();
const witness = new OneLeafLog("witness.test");

interface Signing {
  readonly key: KeyObject;
  readonly publicPem: string;
  readonly spki: string;
}

function newKey(namedCurve = "P-256"): Signing {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve });
  return {
    key: privateKey,
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    spki: encodeBase64(publicKey.export({ type: "spki", format: "der" })),
  };
}
const ours = newKey();
const theirs = newKey();

function envelope(statement: unknown = STATEMENT, { key } = ours) {
  const payload = Buffer.from(JSON.stringify(statement));
  const sig = encodeBase64(sign("sha256", dsse.preAuthEncoding(TYPE, payload), key));
  return {
    payload: encodeBase64(payload),
    payloadType: TYPE,
    signatures: [{ sig, keyid: "" }] as [{ sig: string; keyid: string }],
  };
}
type Envelope = ReturnType<typeof envelope>;

const subject = [{ name: "package", digest: { sha256: sha256Hex(artifact) } }];
const STATEMENT = { _type: "https://in-toto.io/Statement/v1", subject, predicateType: "x" };
const good = envelope();
const other = envelope({ ...STATEMENT, predicateType: "y" });

const signedBytes = ({ payload }: Envelope) =>
  dsse.preAuthEncoding(TYPE, Buffer.from(payload, "base64"));
const hash = (bytes: Uint8Array) => ({ algorithm: "sha256", value: sha256Hex(bytes) });

function rekord1(of: Envelope, { publicPem } = ours, sig = of.signatures[0].sig): EntryBody {
  return {
    kind: "hashedrekord",
    apiVersion: "0.0.1",
    spec: {
      data: { hash: hash(signedBytes(of)) },
      signature: { content: sig, publicKey: { content: btoa(publicPem) } },
    },
  };
}

function rekord2(of: Envelope, sig = of.signatures[0].sig, { spki } = ours): EntryBody {
  const data = { algorithm: "SHA2_256", digest: encodeBase64(sha256(signedBytes(of))) };
  const verifier = { publicKey: { rawBytes: spki }, keyDetails: "PKIX_ECDSA_P256_SHA_256" };
  return {
    kind: "hashedrekord",
    apiVersion: "0.0.2",
    spec: { hashedRekordV002: { data, signature: { content: sig, verifier } } },
  };
}

/** As Rekor v1 keeps it: without the payload, its signature in base64 once more. */
function intoto(of: Envelope, payloadOf = of): EntryBody {
  const signature = { sig: btoa(of.signatures[0].sig), publicKey: btoa(ours.publicPem) };
  return {
    kind: "intoto",
    apiVersion: "0.0.2",
    spec: {
      content: {
        envelope: { payloadType: TYPE, signatures: [signature] },
        payloadHash: hash(Buffer.from(payloadOf.payload, "base64")),
      },
    },
  };
}

const bundleOf = (dsseEnvelope: Envelope, ...tlogEntries: unknown[]) => ({
  mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
  verificationMaterial: { publicKey: { hint: "" }, tlogEntries },
  dsseEnvelope,
});

function verify(bundle: unknown, tlogs: readonly unknown[] = [log.trustedLog()]) {
  const mediaType = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
  return createVerifier([{
    kind: "key",
    name: "ops",
    publicKeyPem: ours.publicPem,
    transparencyLog: "optional",
    trustedRootJson: JSON.stringify({ mediaType, tlogs }),
  }]).verify(artifact, bundle);
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

const LOGGED = "missing_log_proof";
const entry = (body: EntryBody, options = {}) => log.record(body, options);

table("a statement", {
  "logged as canonical intoto": [() => verify(bundleOf(good, entry(intoto(good)))), null],
  "logged as intoto of another payload": [
    () => verify(bundleOf(good, entry(intoto(good, other)))),
    [LOGGED, /payload hash mismatch/],
  ],
  "logged as hashedrekord of Rekor v1": [
    () => verify(bundleOf(good, entry(rekord1(good), { promisedAtMs: NOW }))),
    null,
  ],
  "logged as hashedrekord of Rekor v2": [() => verify(bundleOf(good, entry(rekord2(good)))), null],
  "whose envelope is not the logged one": [
    () => verify(bundleOf(other, entry(rekord2(good, other.signatures[0].sig)))),
    [LOGGED, /digest mismatch/],
  ],
  "whose signature is not the logged one": [
    () => verify(bundleOf(good, entry(rekord2(good, other.signatures[0].sig)))),
    [LOGGED, /signature mismatch/],
  ],
  "whose entry was taken from another bundle": [
    () => verify(bundleOf(good, entry(rekord1(other), { promisedAtMs: NOW }))),
    [LOGGED, /signature mismatch/],
  ],
  "whose entry names another key": [
    () => verify(bundleOf(good, entry(rekord2(good, undefined, theirs)))),
    [LOGGED, /names another signer/],
  ],
  "signed by another key": [
    () => {
      const forged = envelope(STATEMENT, theirs);
      return verify(bundleOf(forged, entry(rekord2(forged))));
    },
    ["bad_signature", /signature check/],
  ],
  "without a type": [
    () => verify(bundleOf(envelope({ ...STATEMENT, _type: undefined }))),
    ["bad_signature", /statement check/],
  ],
  "of an unknown type": [
    () => verify(bundleOf(envelope({ ...STATEMENT, _type: `${STATEMENT._type}.1` }))),
    ["bad_signature", /statement check/],
  ],
  "with several subjects, one by SHA-512": [
    () => {
      const sha512 = Buffer.from(new Uint8Array(64)).toString("hex");
      return verify(bundleOf(envelope({
        ...STATEMENT,
        subject: [{ digest: { sha512 } }, { digest: { gitCommit: "abc" } }, ...subject],
      })));
    },
    null,
  ],
  "whose subject has the SHA-256 and another SHA-512": [
    () => {
      const digest = { ...subject[0]!.digest, sha512: "00".repeat(64) };
      return verify(bundleOf(envelope({ ...STATEMENT, subject: [{ digest }] })));
    },
    ["bad_signature", /other artifacts/],
  ],
});

const body = rekord2(good);
const note = log.note(body);
const signed = log.signLine(note);
const foreign = witness.signLine(note);
const withCheckpoint = (envelope: string) => () =>
  verify(bundleOf(good, entry(body, { envelope })));

table("a checkpoint", {
  "with a witness after the log": [withCheckpoint(`${note}\n${signed}${foreign}`), null],
  "with witnesses before the log": [
    withCheckpoint(`${note}\n${foreign}${foreign}${signed}`),
    null,
  ],
  "with two signatures of the log": [withCheckpoint(`${note}\n${signed}${signed}`), null],
  "with a witness alone": [withCheckpoint(`${note}\n${foreign}`), [LOGGED, /checkpoint sig/]],
  "without signatures": [withCheckpoint(`${note}\n`), [LOGGED, /no signatures/]],
  "signed under another name": [
    withCheckpoint(`${note}\n${log.signLine(note, "rekor.elsewhere.test")}`),
    [LOGGED, /checkpoint signature/],
  ],
  "signed under another key hint": [
    withCheckpoint(`${note}\n${log.signLine(note, undefined, new Uint8Array(4))}`),
    [LOGGED, /checkpoint signature/],
  ],
  "signed for another text": [
    withCheckpoint(`${note}\n${log.signLine(`${note}more\n`)}`),
    [LOGGED, /checkpoint signature/],
  ],
  ...Object.fromEntries(["origin", "size", "root hash"].map((part, line): [string, Case] => {
    const short = `${note.trimEnd().split("\n").filter((_, at) => at !== line).join("\n")}\n`;
    return [
      `without its ${part}`,
      [withCheckpoint(`${short}\n${log.signLine(short)}`), [LOGGED, /checkpoint header/]],
    ];
  })),
  "of another root": [
    () => {
      const wrong = log.note(rekord2(other));
      return withCheckpoint(`${wrong}\n${log.signLine(wrong)}`)();
    },
    [LOGGED, /root hash/],
  ],
});

const at = (offsetMs: number) => new Date(NOW + offsetMs).toISOString();
const promised = bundleOf(good, entry(rekord1(good), { promisedAtMs: NOW }));
const within = (validFor: { start?: string; end?: string }, bundle: unknown = promised) => () =>
  verify(bundle, [log.trustedLog(validFor)]);
const untimed = bundleOf(good, entry(body));

table("an entry whose log's key", {
  "ends with its very time": [within({ start: at(-1000), end: at(0) }), null],
  "begins with its very time": [within({ start: at(0) }), null],
  "ended before": [within({ start: at(-5000), end: at(-1000) }), [LOGGED, /promise/]],
  "begins later": [within({ start: at(1000) }), [LOGGED, /promise/]],
  "has no start": [within({ end: at(0) }), ["config_invalid", /validFor\.start: is missing/]],
  "ends, and nobody vouches for a time": [
    within({ start: at(-1000), end: at(1000) }, untimed),
    [LOGGED, /key was not valid then/],
  ],
  "has no end, and nobody vouches for a time": [within({ start: at(0) }, untimed), null],
  "is not in the root": [() => verify(untimed, []), [LOGGED, /checkpoint/]],
});

table("entries", {
  "of two logs": [
    () => {
      const both = [log.trustedLog(), witness.trustedLog()];
      return verify(bundleOf(good, entry(body), witness.record(body)), both);
    },
    null,
  ],
  "of which one is of an unknown log": [
    () => verify(bundleOf(good, entry(body), witness.record(body))),
    [LOGGED, /checkpoint/],
  ],
  "that are one, twice": [
    () => verify(bundleOf(good, entry(body), entry(body))),
    [LOGGED, /duplicate/],
  ],
});

for (const namedCurve of ["P-256", "P-384"]) {
  Deno.test(`verifier accepts a ${namedCurve} signature over a SHA-256, from bytes and from the digest`, () => {
    const { key, publicPem } = newKey(namedCurve);
    const verifier = createVerifier([{
      kind: "key",
      name: "ops",
      publicKeyPem: publicPem,
      transparencyLog: "optional",
    }]);
    const bundle = (signature: Uint8Array) => ({
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      verificationMaterial: { publicKey: { hint: "" } },
      messageSignature: {
        messageDigest: { algorithm: "SHA2_256", digest: encodeBase64(sha256(artifact)) },
        signature: encodeBase64(signature),
      },
    });
    const signature = sign("sha256", artifact, key);
    const digest = { sha256: sha256Hex(artifact) };
    verifier.verify(artifact, bundle(signature));
    verifier.verify(digest, bundle(signature));
    const wrong = bundle(sign("sha256", encodeUtf8("other"), key));
    expectRefusal(() => verifier.verify(artifact, wrong), "bad_signature");
    expectRefusal(() => verifier.verify(digest, wrong), "bad_signature");
    expectRefusal(() => verifier.verify(digest, bundle(new Uint8Array(70))), "bad_signature");
  });
}
