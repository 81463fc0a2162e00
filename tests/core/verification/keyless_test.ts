import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { X509Certificate } from "@sigstore/core";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { findUnfitness } from "../../../src/core/verification/certificate.ts";
import type { TrustedSigner } from "../../../src/core/verification/trust.ts";
import { createVerifier } from "../../../src/core/verification/verify.ts";
import { encodeUtf8, sha256Hex } from "../../../src/core/encoding.ts";
import { createKeylessAuthority } from "../../../src/embedded/keyless_authority.ts";
import { type BundleJson, createKeySigner } from "../../../src/embedded/signer.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";
import { expectRefusal } from "./expect_refusal.ts";

const HOUR_MS = 3_600_000;
const artifact = encodeUtf8("the package");
const identity = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
const issuer = "https://token.actions.githubusercontent.com";
const who = { identity, issuer };

const clock = new FakeClock();
const authority = await createKeylessAuthority(clock);
const elsewhere = await createKeylessAuthority(clock);
const message = await authority.sign(artifact, who);
const statement = await authority.signDsse(artifact, "package", who);
const other = await authority.sign(artifact, who);

type KeylessSigner = Extract<TrustedSigner, { kind: "keyless" }>;

function trust(...changes: Partial<KeylessSigner>[]) {
  const { trustedRootJson } = authority;
  return createVerifier(
    changes.map((change) => ({ kind: "keyless", name: "ci", ...who, trustedRootJson, ...change })),
  );
}
const verifier = trust({});

/** The material of a keyless bundle, as the tests change it. */
interface Material {
  certificate: { rawBytes: string };
  tlogEntries: {
    integratedTime: string;
    logIndex: string;
    inclusionPromise?: { signedEntryTimestamp: string };
    inclusionProof: { rootHash: string; treeSize: string; checkpoint: { envelope: string } };
  }[];
  timestampVerificationData?: { rfc3161Timestamps: { signedTimestamp: string }[] };
}
const materialOf = (bundle: BundleJson) => bundle.verificationMaterial as unknown as Material;

function change(bundle: BundleJson, edit: (material: Material) => void): BundleJson {
  const copy = structuredClone(bundle);
  edit(materialOf(copy));
  return copy;
}

type Root = Record<string, { validFor: { end: string } }[]>;
const rootOf = (json: string) => JSON.parse(json) as Root;

for (const [form, bundle] of Object.entries({ message, statement })) {
  Deno.test(`verifier accepts a keyless ${form} and names identity and signing time`, () => {
    assert.deepEqual(verifier.verify(artifact, bundle), {
      signer: "ci",
      identity,
      digest: `sha256:${sha256Hex(artifact)}`,
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      logged: true,
      signedAtMs: clock.now(),
    });
    assert.equal(verifier.verify({ sha256: sha256Hex(artifact) }, bundle).signer, "ci");
  });

  Deno.test(`verifier refuses a keyless ${form} over another artifact`, () => {
    const message = expectRefusal(
      () => verifier.verify(encodeUtf8("other"), bundle),
      "bad_signature",
    );
    assert.match(message, form === "message" ? /artifact digest check/ : /statement check/);
  });

  const REFUSED: Record<string, [BundleJson, "missing_log_proof" | "bad_signature" | "expired"]> = {
    "its log entry removed": [
      change(bundle, (material) => material.tlogEntries = []),
      "missing_log_proof",
    ],
    "another bundle's log entry": [
      change(bundle, (material) => material.tlogEntries = materialOf(other).tlogEntries),
      "missing_log_proof",
    ],
    "its log entry twice": [
      change(bundle, (material) => material.tlogEntries.push(material.tlogEntries[0]!)),
      "missing_log_proof",
    ],
    "a log time one minute off": [
      change(bundle, ({ tlogEntries: [entry] }) => {
        entry!.integratedTime = String(Number(entry!.integratedTime) + 60);
      }),
      "missing_log_proof",
    ],
    "a log time one hour off": [
      change(bundle, ({ tlogEntries: [entry] }) => {
        entry!.integratedTime = String(Number(entry!.integratedTime) + 3600);
      }),
      "expired",
    ],
    "another log index": [
      change(bundle, ({ tlogEntries: [entry] }) => entry!.logIndex = `${entry!.logIndex}1`),
      "missing_log_proof",
    ],
    "another root hash": [
      change(bundle, ({ tlogEntries: [entry] }) => {
        entry!.inclusionProof.rootHash = Buffer.alloc(32).toString("base64");
      }),
      "missing_log_proof",
    ],
    "another tree size": [
      change(bundle, ({ tlogEntries: [entry] }) => entry!.inclusionProof.treeSize = "2"),
      "missing_log_proof",
    ],
    "another checkpoint": [
      change(bundle, ({ tlogEntries: [entry] }) => {
        const { checkpoint } = entry!.inclusionProof;
        checkpoint.envelope = checkpoint.envelope.replace("\n1\n", "\n2\n");
      }),
      "missing_log_proof",
    ],
    "no promise of its time": [
      change(bundle, ({ tlogEntries: [entry] }) => delete entry!.inclusionPromise),
      "missing_log_proof",
    ],
    "another bundle's certificate": [
      change(bundle, (material) => material.certificate = materialOf(other).certificate),
      "bad_signature",
    ],
  };
  for (const [what, [broken, code]] of Object.entries(REFUSED)) {
    Deno.test(`verifier refuses a keyless ${form} with ${what}`, () => {
      expectRefusal(() => verifier.verify(artifact, broken), code, /check failed for signer "ci"/);
    });
  }
}

Deno.test("verifier refuses a keyless signature taken from another bundle", () => {
  const swapped = { ...other, verificationMaterial: message.verificationMaterial } as BundleJson;
  expectRefusal(() => verifier.verify(artifact, swapped), "bad_signature", /signature check/);
});

Deno.test("verifier refuses a changed in-toto payload", async () => {
  const forged = await authority.signDsse(encodeUtf8("evil"), "package", who);
  assert.ok("dsseEnvelope" in forged && "dsseEnvelope" in statement);
  const changed = structuredClone(statement);
  changed.dsseEnvelope.payload = forged.dsseEnvelope.payload;
  expectRefusal(() => verifier.verify(encodeUtf8("evil"), changed), "bad_signature");
});

Deno.test("verifier compares identity and issuer exactly", () => {
  const wrong: Partial<KeylessSigner>[] = [
    { identity: "https://github.com/evil/app" },
    { identity: identity.slice(0, -1) },
    { identity: `${identity}x` },
    { identity: "github.com/acme" },
    { identity: ".*" },
    { identity: identity.replace("github.com", "github.co.") },
    { identity: "" },
    { issuer: "https://accounts.google.com" },
    { issuer: ".*" },
    { issuer: `${issuer}/` },
    { issuer: "" },
  ];
  for (const change of wrong) {
    const message_ = expectRefusal(
      () => trust(change).verify(artifact, message),
      "wrong_identity",
      /identity check failed for signer "ci"/,
    );
    assert.ok(message_.includes(identity), "must say what the certificate names");
  }
});

Deno.test("verifier accepts an e-mail address as identity", async () => {
  const person = { identity: "ana@example.com", issuer: "https://accounts.google.com" };
  const bundle = await authority.sign(artifact, person);
  assert.equal(trust({}, { ...person, name: "ana" }).verify(artifact, bundle).signer, "ana");
});

Deno.test("verifier reports the refusal that came furthest of several signers'", () => {
  const several = trust(
    { name: "foreign", trustedRootJson: elsewhere.trustedRootJson },
    { name: "mallory", identity: "https://github.com/evil/app" },
  );
  expectRefusal(() => several.verify(artifact, message), "wrong_identity", /"mallory"/);
});

Deno.test("verifier refuses another authority's certificates, logs and CT logs, each by its code", () => {
  const root = rootOf(authority.trustedRootJson);
  const foreign = rootOf(elsewhere.trustedRootJson);
  const cases = [
    [foreign, "untrusted_certificate"],
    [{ ...root, certificateAuthorities: foreign.certificateAuthorities }, "untrusted_certificate"],
    [{ ...root, ctlogs: foreign.ctlogs }, "untrusted_certificate"],
    [{ ...root, tlogs: foreign.tlogs }, "missing_log_proof"],
  ] as const;
  for (const [changed, code] of cases) {
    const verifier = trust({ trustedRootJson: JSON.stringify(changed) });
    expectRefusal(() => verifier.verify(artifact, message), code, /"ci"/);
  }
});

Deno.test("verifier refuses a certificate of an authority that was no longer trusted at signing", () => {
  const root = rootOf(authority.trustedRootJson);
  root.certificateAuthorities![0]!.validFor.end = "2026-01-01T00:00:00Z";
  const verifier = trust({ trustedRootJson: JSON.stringify(root) });
  expectRefusal(() => verifier.verify(artifact, message), "untrusted_certificate");
});

Deno.test("verifier refuses a certificate that was not valid at signing", async () => {
  for (const issuedAtMs of [clock.now() - HOUR_MS, clock.now() + HOUR_MS]) {
    const bundle = await authority.sign(artifact, who, { issuedAtMs });
    expectRefusal(() => verifier.verify(artifact, bundle), "expired", /certificate check .*"ci"/);
  }
});

Deno.test("verifier accepts a certificate that has expired since it was used", async () => {
  const lastYear = new FakeClock(Date.parse("2025-05-05T00:00:00Z"));
  const then = await createKeylessAuthority(lastYear);
  const bundle = await then.sign(artifact, who);
  const verified = trust({ trustedRootJson: then.trustedRootJson }).verify(artifact, bundle);
  assert.equal(verified.signedAtMs, lastYear.now());
});

Deno.test("verifier takes the time of a v2 log's entry from a timestamp authority alone", async () => {
  // The timestamp authority's certificate begins to be valid when it is made, by the real clock.
  const now = new FakeClock(Math.ceil(Date.now() / 1000) * 1000 + 1000);
  const modern = await createKeylessAuthority(now);
  const verifier = trust({ trustedRootJson: modern.trustedRootJson });
  for (
    const bundle of [
      await modern.sign(artifact, who, { log: "v2" }),
      await modern.signDsse(artifact, "package", who, { log: "v2" }),
    ]
  ) {
    assert.equal(verifier.verify(artifact, bundle).signedAtMs, now.now());
    const untimed = change(bundle, (material) => delete material.timestampVerificationData);
    expectRefusal(() => verifier.verify(artifact, untimed), "missing_log_proof", /timestamp/);
    const other = await modern.sign(encodeUtf8("other"), who, { log: "v2" });
    const mistimed = change(bundle, (material) => {
      material.timestampVerificationData = materialOf(other).timestampVerificationData!;
    });
    expectRefusal(() => verifier.verify(artifact, mistimed), "missing_log_proof", /timestamp/);
    const unlogged = change(bundle, (material) => material.tlogEntries = []);
    expectRefusal(() => verifier.verify(artifact, unlogged), "missing_log_proof");
  }
});

Deno.test("verifier keeps keys and keyless identities apart", async () => {
  const signer = await createKeySigner();
  const keysOnly = createVerifier([{
    kind: "key",
    name: "ops",
    publicKeyPem: signer.publicKeyPem,
    transparencyLog: "optional",
  }]);
  expectRefusal(() => keysOnly.verify(artifact, message), "unknown_signer", /no keyless identity/);
  expectRefusal(() => verifier.verify(artifact, signer.sign(artifact)), "unknown_signer", /no key/);
});

Deno.test("findUnfitness names certificates that are not for signing code", async () => {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const find = async (extensions: x509.Extension[]) => {
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: "01",
      name: "CN=leaf",
      signingAlgorithm: algorithm,
      keys,
      extensions,
    });
    return findUnfitness(X509Certificate.parse(Buffer.from(certificate.rawData)));
  };
  const { codeSigning, serverAuth } = x509.ExtendedKeyUsage;
  assert.equal(await find([new x509.ExtendedKeyUsageExtension([codeSigning])]), null);
  assert.match((await find([]))!, /not for code signing/);
  assert.match((await find([new x509.ExtendedKeyUsageExtension([serverAuth])]))!, /code signing/);
  assert.match((await find([new x509.BasicConstraintsExtension(true)]))!, /authority/);
});
