import assert from "node:assert/strict";
import { MAX_BUNDLE_BYTES, parseBundleBytes } from "../../../src/core/verification/bundle.ts";
import { createVerifier } from "../../../src/core/verification/verify.ts";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import { createKeylessAuthority } from "../../../src/embedded/keyless_authority.ts";
import { createKeySigner } from "../../../src/embedded/signer.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";
import { expectRefusal } from "./expect_refusal.ts";

const artifact = encodeUtf8("the package");
const authority = await createKeylessAuthority(new FakeClock());
const identity = "https://ci.example/release";
const issuer = "https://issuer.example";
const { trustedRootJson } = authority;
const keyless = await authority.sign(artifact, { identity, issuer });
const signer = await createKeySigner();
const signed = signer.sign(artifact);
const statement = signer.signDsse(artifact, "package");
const verifier = createVerifier([
  {
    kind: "key",
    name: "ops",
    publicKeyPem: signer.publicKeyPem,
    transparencyLog: "optional",
    trustedRootJson,
  },
  { kind: "keyless", name: "ci", identity, issuer, trustedRootJson },
]);

/** JSON with its innards open to a test's changes. */
type Open = { [key: string]: Open } & Open[];
function change(bundle: object, edit: (open: Open) => void): unknown {
  const open = structuredClone(bundle) as Open;
  edit(open);
  return open;
}
const set = (target: Open | undefined, key: string, value: unknown) =>
  Reflect.set(target!, key, value);

const V01 = "application/vnd.dev.sigstore.bundle+json;version=0.1";
const V02 = "application/vnd.dev.sigstore.bundle+json;version=0.2";

function toChain(bundle: object, mediaType: string): unknown {
  return change(bundle, (open) => {
    set(open, "mediaType", mediaType);
    const material = open.verificationMaterial!;
    set(material, "x509CertificateChain", { certificates: [material.certificate] });
    Reflect.deleteProperty(material, "certificate");
  });
}

Deno.test("verifier accepts bundles v0.1, v0.2 and both spellings of v0.3", () => {
  assert.equal(verifier.verify(artifact, toChain(keyless, V01)).mediaType, V01);
  assert.equal(verifier.verify(artifact, toChain(keyless, V02)).mediaType, V02);
  const legacy = "application/vnd.dev.sigstore.bundle+json;version=0.3";
  const spelled = change(keyless, (open) => set(open, "mediaType", legacy));
  assert.equal(verifier.verify(artifact, spelled).mediaType, legacy);
});

Deno.test("verifier accepts a v0.1 bundle on the log's promise alone, and no later one", () => {
  const dropProof = (bundle: unknown) =>
    change(
      bundle as object,
      (open) =>
        Reflect.deleteProperty(open.verificationMaterial!.tlogEntries![0]!, "inclusionProof"),
    );
  assert.equal(verifier.verify(artifact, dropProof(toChain(keyless, V01))).logged, true);
  for (const later of [toChain(keyless, V02), keyless]) {
    expectRefusal(() => verifier.verify(artifact, dropProof(later)), "malformed_bundle");
  }
  const bareProof = change(
    toChain(keyless, V01) as object,
    (open) =>
      Reflect.deleteProperty(
        open.verificationMaterial!.tlogEntries![0]!.inclusionProof!,
        "checkpoint",
      ),
  );
  assert.equal(verifier.verify(artifact, bareProof).logged, true);
});

const MALFORMED: Record<string, [object, (open: Open) => void, RegExp]> = {
  "another version": [
    signed,
    (open) => set(open, "mediaType", "application/vnd.dev.sigstore.bundle.v0.4+json"),
    /mediaType/,
  ],
  "no media type": [signed, (open) => Reflect.deleteProperty(open, "mediaType"), /mediaType/],
  "an unknown field": [signed, (open) => set(open, "extra", 1), /extra/],
  "no signature": [
    signed,
    (open) => Reflect.deleteProperty(open, "messageSignature"),
    /exactly one/,
  ],
  "an empty signature": [
    signed,
    (open) => set(open.messageSignature, "signature", ""),
    /signature/,
  ],
  "two kinds of content": [
    signed,
    (open) => set(open, "dsseEnvelope", (statement as unknown as Open).dsseEnvelope),
    /exactly one of messageSignature/,
  ],
  "two kinds of signer": [
    keyless,
    (open) => set(open.verificationMaterial, "publicKey", { hint: "" }),
    /exactly one of publicKey/,
  ],
  "base64 with a stray bit": [
    signed,
    (open) => set(open.messageSignature!.messageDigest, "digest", "AB=="),
    /base64/,
  ],
  "base64 with white space": [
    signed,
    (open) => set(open.messageSignature, "signature", "AA AA"),
    /./,
  ],
  "an unknown hash": [
    signed,
    (open) => set(open.messageSignature!.messageDigest, "algorithm", "SHA1"),
    /algorithm/,
  ],
  "another payload type": [
    statement,
    (open) => set(open.dsseEnvelope, "payloadType", "text/plain"),
    /payloadType/,
  ],
  "two signatures": [
    statement,
    (open) => open.dsseEnvelope!.signatures!.push({ sig: "AAAA" } as unknown as Open),
    /exactly one signature/,
  ],
  "eleven log entries": [
    keyless,
    (open) => {
      const [entry] = open.verificationMaterial!.tlogEntries!;
      set(open.verificationMaterial, "tlogEntries", Array(11).fill(entry));
    },
    /tlogEntries/,
  ],
  "eleven certificates": [
    toChain(keyless, V02) as object,
    (open) => {
      const chain = open.verificationMaterial!.x509CertificateChain!;
      set(chain, "certificates", Array(11).fill(chain.certificates![0]));
    },
    /certificates/,
  ],
  "a certificate chain in v0.3": [
    toChain(keyless, "application/vnd.dev.sigstore.bundle.v0.3+json") as object,
    () => {},
    /rules of its version/,
  ],
  "too many bytes": [
    statement,
    (open) => set(open.dsseEnvelope, "payload", "A".repeat(MAX_BUNDLE_BYTES)),
    /larger than/,
  ],
};

for (const [what, [bundle, edit, message]] of Object.entries(MALFORMED)) {
  Deno.test(`verifier refuses as malformed a bundle with ${what}`, () => {
    expectRefusal(
      () => verifier.verify(artifact, change(bundle, edit)),
      "malformed_bundle",
      message,
    );
  });
}

Deno.test("verifier refuses as malformed what is no bundle at all", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  for (const value of [1, "text", [1], true, { a: 1 }, JSON.parse(deep), 1n, () => 1]) {
    expectRefusal(() => verifier.verify(artifact, value), "malformed_bundle");
  }
});

Deno.test("parseBundleBytes refuses what is too large, not UTF-8 or not JSON", () => {
  for (
    const bytes of [new Uint8Array(MAX_BUNDLE_BYTES + 1), new Uint8Array([0xff]), encodeUtf8("{")]
  ) {
    expectRefusal(() => parseBundleBytes(bytes), "malformed_bundle");
  }
  assert.equal(parseBundleBytes(encodeUtf8(" \n")), null);
});
