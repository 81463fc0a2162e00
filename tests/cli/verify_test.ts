import assert from "node:assert/strict";
import { parse } from "yaml";
import { runVerify, type VerifyOptions } from "../../src/cli/verify.ts";
import { encodeUtf8, sha256Hex } from "../../src/core/encoding.ts";
import { createKeylessAuthority } from "../../src/embedded/keyless_authority.ts";
import { createKeySigner } from "../../src/embedded/signer.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

const artifact = encodeUtf8("the package");
const clock = new FakeClock();
const identity = "https://ci.example/release";
const issuer = "https://issuer.example";
const authority = await createKeylessAuthority(clock);
const elsewhere = await createKeylessAuthority(clock);
const signer = await createKeySigner();
const other = await createKeySigner();
const bundle = signer.sign(artifact);

const json = (value: unknown) => encodeUtf8(JSON.stringify(value));
const files: Record<string, Uint8Array> = {
  "wpk.yaml": artifact,
  "altered.yaml": encodeUtf8("the Package"),
  "key.json": json(bundle),
  "logged.json": json(await authority.addLogEntry(bundle, signer.publicKeyPem)),
  "keyless.json": json(await authority.sign(artifact, { identity, issuer })),
  "broken.json": encodeUtf8("{"),
  "empty.json": new Uint8Array(),
  "cosign.pub": encodeUtf8(signer.publicKeyPem),
  "other.pub": encodeUtf8(other.publicKeyPem),
  "other.json": json(other.sign(artifact)),
  "root.json": encodeUtf8(authority.trustedRootJson),
  "other_root.json": encodeUtf8(elsewhere.trustedRootJson),
  "binary": new Uint8Array([0xff]),
};

async function run(options: Partial<VerifyOptions>) {
  const out: string[] = [];
  const errors: string[] = [];
  const exitCode = await runVerify({
    file: "wpk.yaml",
    bundle: ["key.json"],
    output: "text",
    ...options,
  }, {
    readFile(path) {
      if (path === "secret") return Promise.reject(new Error("permission denied"));
      return Promise.resolve(files[path] ?? null);
    },
    print: (line) => out.push(line),
    printError: (line) => errors.push(line),
  });
  return { exitCode, out: out.join("\n"), errors: errors.join("\n") };
}

const keyless = {
  bundle: ["keyless.json"],
  certificateIdentity: identity,
  certificateOidcIssuer: issuer,
  trustedRoot: "root.json",
};
const key = { key: ["cosign.pub"] };

Deno.test("verify prints who signed with a key, and exits 0", async () => {
  const { exitCode, out, errors } = await run(key);
  assert.equal(exitCode, 0, errors);
  assert.match(out, /^Verified OK: wpk\.yaml$/m);
  assert.ok(out.includes(sha256Hex(artifact)));
  assert.match(out, /signer {4}cosign\.pub\n {2}identity {2}sha256:[0-9a-f]{64}/);
  assert.match(out, /no entry verified/);
});

Deno.test("verify prints identity, log and time of a keyless signature", async () => {
  const { exitCode, out, errors } = await run(keyless);
  assert.equal(exitCode, 0, errors);
  assert.ok(out.includes(identity));
  assert.match(out, /log {7}entry verified/);
  assert.ok(out.includes(new Date(clock.now()).toISOString()));
});

Deno.test("verify takes a digest for the file", async () => {
  const { exitCode, out } = await run({ ...key, file: `sha256:${sha256Hex(artifact)}` });
  assert.equal(exitCode, 0);
  assert.match(out, /Verified OK: sha256:/);
  assert.equal((await run({ ...key, file: `sha256:${sha256Hex("x")}` })).exitCode, 1);
  // What has not the form of a digest, or is there, is a file.
  assert.match((await run({ ...key, file: "sha256:12" })).errors, /there is no file sha256:12/);
  const named = `sha256:${"0".repeat(64)}`;
  files[named] = artifact;
  assert.equal((await run({ ...key, file: named })).exitCode, 0);
});

Deno.test("verify prints the verdict as JSON and YAML", async () => {
  for (
    const [output, read] of [["json", JSON.parse], ["yaml", (text: string) => parse(text)]] as const
  ) {
    const good = await run({ ...keyless, output });
    assert.deepEqual(read(good.out), {
      verified: true,
      file: "wpk.yaml",
      digest: `sha256:${sha256Hex(artifact)}`,
      signer: identity,
      identity,
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      logged: true,
      signedAt: new Date(clock.now()).toISOString(),
      signers: [{ name: identity, identity }],
    });
    const bad = await run({ ...keyless, file: "altered.yaml", output });
    assert.equal(bad.exitCode, 1);
    const { verified, code } = read(bad.out);
    assert.deepEqual({ verified, code }, { verified: false, code: "bad_signature" });
  }
});

const REFUSED: Record<string, [Partial<VerifyOptions>, string]> = {
  "an altered file": [{ ...key, file: "altered.yaml" }, "bad_signature"],
  "a bundle that is not JSON": [{ ...key, bundle: ["broken.json"] }, "malformed_bundle"],
  "an empty bundle": [{ ...key, bundle: ["empty.json"] }, "missing_signature"],
  "a key that is none": [{ key: ["wpk.yaml"] }, "config_invalid"],
  "a root that is none": [{ ...keyless, trustedRoot: "wpk.yaml" }, "config_invalid"],
  "a foreign root": [{ ...keyless, trustedRoot: "other_root.json" }, "untrusted_certificate"],
  "another identity": [{ ...keyless, certificateIdentity: `${identity}s` }, "wrong_identity"],
  "a keyless bundle and a key": [{ ...key, bundle: ["keyless.json"] }, "unknown_signer"],
  "a log entry of another log": [
    { ...key, bundle: ["logged.json"], trustedRoot: "other_root.json" },
    "missing_log_proof",
  ],
  "a log entry that the public-good root does not know": [
    { ...key, bundle: ["logged.json"] },
    "missing_log_proof",
  ],
  "a keyless bundle that the public-good root does not know": [
    { ...keyless, trustedRoot: undefined },
    "untrusted_certificate",
  ],
  "one signer where two are needed": [
    {
      key: ["cosign.pub", "other.pub"],
      threshold: 2,
      bundle: ["key.json", "logged.json"],
      trustedRoot: "root.json",
    },
    "too_few_signers",
  ],
};

for (const [what, [options, code]] of Object.entries(REFUSED)) {
  Deno.test(`verify refuses ${what} with ${code} and exits 1`, async () => {
    const { exitCode, out, errors } = await run(options);
    assert.equal(exitCode, 1);
    assert.equal(out, "");
    assert.match(errors, new RegExp(`^REFUSED ${code}: .+\\n  .+`));
  });
}

Deno.test("verify checks a key's log entry when a root is given", async () => {
  const { exitCode, out } = await run({
    ...key,
    bundle: ["logged.json"],
    trustedRoot: "root.json",
  });
  assert.equal(exitCode, 0);
  assert.match(out, /log {7}entry verified/);
  assert.equal((await run({ ...key, trustedRoot: "root.json" })).exitCode, 0);
});

Deno.test("verify names every signer where several are needed", async () => {
  const { exitCode, out, errors } = await run({
    key: ["cosign.pub", "other.pub"],
    bundle: ["other.json", "key.json"],
    threshold: 2,
  });
  assert.equal(exitCode, 0, errors);
  assert.match(out, /signer {4}other\.pub[\s\S]*signer {4}cosign\.pub/);
});

Deno.test("verify says where its root came from when none was given", async () => {
  const { errors } = await run({ ...key, bundle: ["logged.json"] });
  assert.match(errors, /public-good root: for another instance, give its --trusted-root/);
});

const MISUSED: Record<string, [Partial<VerifyOptions>, RegExp]> = {
  "neither key nor identity": [{}, /give --key/],
  "key and identity": [{ ...key, certificateIdentity: identity }, /not both/],
  "an identity without issuer": [{ ...keyless, certificateOidcIssuer: undefined }, /go together/],
  "more signers than keys": [{ ...key, threshold: 2 }, /--threshold 2 needs as many --key/],
  "a file that is missing": [{ ...key, file: "none" }, /no file none/],
  "a bundle that is missing": [{ ...key, bundle: ["none"] }, /no file none/],
  "a key that is missing": [{ key: ["none"] }, /no file none/],
  "a key that is no text": [{ key: ["binary"] }, /binary is not a text file/],
  "a file that cannot be read": [{ ...key, file: "secret" }, /cannot read secret: .*denied/],
};

for (const [what, [options, message]] of Object.entries(MISUSED)) {
  Deno.test(`verify exits 2 when given ${what}`, async () => {
    const { exitCode, errors } = await run(options);
    assert.equal(exitCode, 2);
    assert.match(errors, message);
  });
}
