/** install.sh into a staging root: what is signed is installed, and everything else leaves nothing behind. */
import assert from "node:assert/strict";
import { createPki } from "../../src/embedded/pki.ts";
import { findCosign } from "../../scripts/testbed/programs/go_tools.ts";
import { print } from "../../scripts/testbed/print.ts";
import { runToEnd } from "../real/process.ts";
import { createKey, makeRelease, type Release, standIn, WORK } from "./release.ts";

const TOOLS =
  "sh id tr uname sha256sum cut cmp awk mktemp rm cp mv mkdir chmod chgrp install tail sort grep cat";

interface Stage {
  readonly release: Release;
  readonly root: string;
  /** With these programs on PATH besides what every host has. */
  install(options?: InstallOptions): Promise<{ code: number; stdout: string; stderr: string }>;
  /** Every path under the root, sorted, but directories. */
  files(): Promise<string[]>;
  /** A program that takes the place of another. */
  fake(name: string, script: string): Promise<void>;
}

interface InstallOptions {
  readonly tools?: readonly string[];
  readonly args?: readonly string[];
  readonly key?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function withStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  const release = await makeRelease(standIn("0.1.0"));
  const home = await Deno.realPath(await Deno.makeTempDir({ dir: WORK }));
  const path = `${home}/bin`;
  const root = `${home}/root`;
  await Deno.mkdir(path);
  await Deno.mkdir(root);
  const link = async (name: string) => {
    const { stdout } = await runToEnd("sh", { args: ["-c", `command -v ${name}`] });
    await Deno.symlink(stdout.trim(), `${path}/${name}`);
  };
  for (const name of TOOLS.split(" ")) await link(name);
  try {
    await work({
      release,
      root,
      async install({ tools = ["openssl"], args, key = release.key, env = {} } = {}) {
        for (const name of tools) {
          if (name.startsWith("/")) await Deno.symlink(name, `${path}/${name.split("/").at(-1)}`);
          else if (!await Deno.stat(`${path}/${name}`).catch(() => null)) await link(name);
        }
        const given = args ?? ["--from", release.folder, "--key", key];
        return await runToEnd("sh", {
          args: ["scripts/install.sh", ...given, "--root", root],
          env: { ...env, PATH: path },
        });
      },
      async files() {
        const { stdout } = await runToEnd("sh", { args: ["-c", `cd ${root} && find . -type f`] });
        return stdout.trim().split("\n").filter((line) => line !== "").sort();
      },
      async fake(name, script) {
        await Deno.remove(`${path}/${name}`).catch(() => {});
        await Deno.writeTextFile(`${path}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      },
    });
  } finally {
    await release.close();
    await Deno.remove(home, { recursive: true });
  }
}

const INSTALLED = [
  "./etc/neuralops-connector/connector.yaml.example",
  "./usr/bin/neuralops-connector",
  "./usr/lib/systemd/system/neuralops-connector.service",
];

Deno.test("install.sh installs what is signed, says so, and changes nothing the second time", () =>
  withStage(async ({ install, files }) => {
    const first = await install();
    assert.equal(first.code, 0, first.stderr);
    assert.match(
      first.stdout,
      /verified: signature over SHA256SUMS by openssl, .* version 0\.1\.0/,
    );
    assert.match(first.stdout, /next: write .*connector\.yaml/);
    assert.deepEqual(await files(), INSTALLED);
    const second = await install();
    assert.equal(second.code, 0);
    assert.match(second.stdout, /0\.1\.0 is installed already: nothing to do/);
  }));

/** The release over TLS; `cut` ends each answer early, as a broken connection does. */
async function served(
  { release, root }: Stage,
  cut: boolean,
  work: (options: InstallOptions) => Promise<void>,
): Promise<void> {
  const pki = await createPki();
  const { certPem: cert, keyPem: key } = await pki.issue("releases");
  await Deno.writeTextFile(`${root}-ca.pem`, pki.caPem);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const bytes = await Deno.readFile(`${release.folder}${pathname}`).catch(() => null);
      if (bytes === null) return new Response("no such file", { status: 404 });
      return new Response(cut && pathname.includes("linux") ? bytes.slice(0, 5) : bytes);
    },
  );
  try {
    await work({
      tools: ["openssl", "curl"],
      args: ["--from", `https://127.0.0.1:${server.addr.port}`, "--key", release.key],
      env: { CURL_CA_BUNDLE: `${root}-ca.pem` },
    });
  } finally {
    await server.shutdown();
  }
}

Deno.test("install.sh downloads a release over TLS", () =>
  withStage((stage) =>
    served(stage, false, async (options) => {
      const { code, stderr } = await stage.install(options);
      assert.equal(code, 0, stderr);
      assert.deepEqual(await stage.files(), INSTALLED);
    })
  ));

Deno.test("install.sh installs nothing from a server that it does not know, or that breaks off", () =>
  withStage(async (stage) => {
    await served(stage, false, async (options) => {
      const { code, stderr } = await stage.install({ ...options, env: {} });
      assert.equal(code, 1);
      assert.match(stderr, /certificate[^]*127\.0\.0\.1:\d+ has no SHA256SUMS/);
    });
    await served(stage, true, async (options) => {
      const { code, stderr } = await stage.install(options);
      assert.equal(code, 1);
      assert.match(stderr, /linux-x86_64 is not what was signed/);
    });
    assert.deepEqual(await stage.files(), []);
  }));

async function overwrite(path: string, change: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  await Deno.writeFile(path, change(await Deno.readFile(path)));
}
const flip = (bytes: Uint8Array) => bytes.with(-1, bytes.at(-1)! ^ 1);

type Spoil = (stage: Stage) => Promise<InstallOptions | void>;
const REFUSED: Record<string, [Spoil, RegExp]> = {
  "a byte of the binary is another": [
    ({ release }) => overwrite(release.program, flip),
    /neuralops-connector-linux-x86_64 is not what was signed: its SHA-256 is .*\n {2}nothing was/,
  ],
  "the download was cut off": [
    ({ release }) => overwrite(release.program, (bytes) => bytes.slice(0, -10)),
    /is not what was signed/,
  ],
  "a byte of SHA256SUMS is another": [
    ({ release }) => overwrite(`${release.folder}/SHA256SUMS`, (bytes) => bytes.with(0, 97)),
    /the signature over SHA256SUMS does not verify with .*\n {2}nothing was installed; check the key/,
  ],
  "the unit was replaced": [
    ({ release }) => overwrite(`${release.folder}/neuralops-connector.service`, flip),
    /neuralops-connector\.service is not what was signed/,
  ],
  "the key is another": [
    async ({ root }) => {
      await createKey(`${root}-other`);
      return { key: `${root}-other.pub` };
    },
    /the signature over SHA256SUMS does not verify/,
  ],
  "the key is none": [
    async ({ root }) => {
      await Deno.writeTextFile(`${root}-no.pub`, "no key");
      return { key: `${root}-no.pub` };
    },
    /the signature over SHA256SUMS does not verify/,
  ],
  "the signature is missing": [
    ({ release }) => Deno.remove(`${release.folder}/SHA256SUMS.sig`),
    /has no SHA256SUMS\.sig\n/,
  ],
  "the signature is no base64": [
    ({ release }) => Deno.writeTextFile(`${release.folder}/SHA256SUMS.sig`, "-----"),
    /SHA256SUMS\.sig is not base64|does not verify/,
  ],
  "the release has nothing for this architecture": [
    async ({ release }) => {
      await Deno.remove(release.program);
      await release.sign();
    },
    /the release has no neuralops-connector-linux-x86_64/,
  ],
  "the architecture is unknown": [
    ({ fake }) => fake("uname", '[ "$1" = -m ] && echo riscv64 || echo Linux'),
    /there is no binary for riscv64\n {2}x86_64 and aarch64 are what is released/,
  ],
  "the system is another": [({ fake }) => fake("uname", "echo Darwin"), /this is Darwin/],
  "there is neither cosign nor openssl": [
    () => Promise.resolve({ tools: [] }),
    /there is neither cosign nor openssl/,
  ],
  "the program does not run here": [
    async ({ release }) => {
      await Deno.writeTextFile(
        release.program,
        "#!/bin/sh\necho 'GLIBC_2.28 not found' >&2; exit 1\n",
      );
      await release.sign();
    },
    /GLIBC_2\.28 not found\n.*the program does not run on this host; nothing was installed\n/,
  ],
  "the version is not the one that was asked for": [
    ({ release }) =>
      Promise.resolve({
        args: ["--from", release.folder, "--key", release.key, "--version", "0.9.9"],
      }),
    /this release is version 0\.1\.0, not 0\.9\.9/,
  ],
  "the address is plain http": [
    ({ release }) =>
      Promise.resolve({ args: ["--from", "http://x.example", "--key", release.key] }),
    /http:\/\/x\.example is not https/,
  ],
};

for (const [what, [spoil, message]] of Object.entries(REFUSED)) {
  Deno.test(`install.sh installs nothing when ${what}`, () =>
    withStage(async (stage) => {
      const options = await spoil(stage) ?? {};
      const { code, stderr } = await stage.install(options);
      assert.equal(code, 1, stderr);
      assert.match(stderr, message);
      assert.deepEqual(await stage.files(), []);
    }));
}

Deno.test("install.sh leaves an installed version alone when the new one is not what was signed", () =>
  withStage(async ({ install, files, release, root }) => {
    assert.equal((await install()).code, 0);
    await Deno.writeTextFile(release.program, standIn("0.2.0"));
    assert.equal((await install()).code, 1);
    assert.deepEqual(await files(), INSTALLED);
    const program = await Deno.readTextFile(`${root}/usr/bin/neuralops-connector`);
    assert.equal(program, standIn("0.1.0"));
  }));

Deno.test("install.sh goes back to an older version only when it is named", () =>
  withStage(async ({ install, release }) => {
    await Deno.writeTextFile(release.program, standIn("0.10.0"));
    await release.sign();
    assert.equal((await install()).code, 0);
    await Deno.writeTextFile(release.program, standIn("0.9.0"));
    await release.sign();
    const refused = await install();
    assert.match(
      refused.stderr,
      /0\.10\.0 is installed, and 0\.9\.0 is older\n {2}name it with --ver/,
    );
    const named = ["--from", release.folder, "--key", release.key, "--version", "0.9.0"];
    assert.equal((await install({ args: named })).code, 0);
  }));

Deno.test("install.sh --uninstall keeps configuration and state, and --purge does not", () =>
  withStage(async ({ install, files, root }) => {
    assert.match((await install({ args: ["--uninstall"] })).stdout, /is not installed: nothing to/);
    await install();
    await Deno.mkdir(`${root}/var/lib/neuralops-connector`, { recursive: true });
    await Deno.writeTextFile(`${root}/var/lib/neuralops-connector/key.pem`, "key");
    const kept = await install({ args: ["--uninstall"] });
    assert.match(kept.stdout, /kept .*: --uninstall --purge removes them too/);
    assert.deepEqual(await files(), [INSTALLED[0], "./var/lib/neuralops-connector/key.pem"]);
    assert.equal((await install({ args: ["--uninstall", "--purge"] })).code, 0);
    assert.deepEqual(await files(), []);
  }));

Deno.test("install.sh told the wrong thing says how it is used", () =>
  withStage(async ({ install, release }) => {
    for (
      const args of [[], ["--from", release.folder], ["--frm", "x"], ["--from"], [
        "--uninstall",
        "--key",
        release.key,
      ]]
    ) {
      const { code, stderr } = await install({ args });
      assert.equal(code, 2, stderr);
      assert.match(stderr, /usage: install\.sh --from/);
    }
  }));

Deno.test("install.sh takes what cosign signed, and not what was altered", async (test) => {
  const cosign = await findCosign(AbortSignal.timeout(1000));
  if ("why" in cosign) return void print(`no cosign: ${cosign.why}`);
  for (const isAltered of [false, true]) {
    await test.step(
      isAltered ? "altered" : "as it was signed",
      () =>
        withStage(async ({ install, release, files, root }) => {
          const env = { COSIGN_PASSWORD: "correct horse" };
          const made = ["generate-key-pair", "--output-key-prefix", `${root}-cosign`];
          await runToEnd(cosign.program, { args: made, env });
          const sums = `${release.folder}/SHA256SUMS`;
          const signed = await runToEnd(cosign.program, {
            args: [
              "sign-blob",
              "--key",
              `${root}-cosign.key`,
              "--bundle",
              `${sums}.sigstore.json`,
              "--tlog-upload=false",
              "--use-signing-config=false",
              "--yes",
              sums,
            ],
            env,
          });
          assert.equal(signed.code, 0, signed.stderr);
          if (isAltered) await overwrite(sums, (bytes) => bytes.with(0, 97));
          const done = await install({ tools: [cosign.program], key: `${root}-cosign.pub` });
          assert.equal(done.code, isAltered ? 1 : 0, done.stderr);
          if (isAltered) assert.match(done.stderr, /the signature over SHA256SUMS does not verify/);
          else assert.match(done.stdout, /by cosign/);
          assert.deepEqual(await files(), isAltered ? [] : INSTALLED);
        }),
    );
  }
});
