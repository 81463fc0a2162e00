import assert from "node:assert/strict";
import { stringify } from "yaml";
import { loadCredentials } from "../../../src/adapters/kubernetes/credentials.ts";
import { encodeBase64, encodeUtf8 } from "../../../src/core/encoding.ts";
import { StalledError } from "../../../src/errors.ts";
import { SecretMask } from "../../../src/log.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";
import { memoryFiles } from "../../fakes/memory_files.ts";

type Contents = Parameters<typeof memoryFiles>[0];
type Parts = Record<string, unknown>;

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const TOKEN = "a-token-that-is-secret";
const PATH = "/etc/connector/kubeconfig";
const data = (text: string) => encodeBase64(encodeUtf8(text));

function setUp(contents: Contents, env: Record<string, string> = {}) {
  const clock = new FakeClock();
  const mask = new SecretMask();
  const sources = { files: memoryFiles(contents), clock, mask, env: (name: string) => env[name] };
  return { clock, mask, sources, contents };
}

/** A kubeconfig with one cluster and one user; parts are laid over them. */
function kubeconfig(cluster: Parts, user: Parts, top: Parts = {}): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "main",
    clusters: [{ name: "c", cluster: { server: "https://api.example:6443", ...cluster } }],
    users: [{ name: "u", user }],
    contexts: [
      { name: "main", context: { cluster: "c", user: "u" } },
      { name: "broken", context: { cluster: "nowhere", user: "u" } },
    ],
    ...top,
  });
}

const load = (text: string, contents: Contents = {}, context?: string) => {
  const { sources, ...rest } = setUp({ [PATH]: text, ...contents });
  const config = { mode: "kubeconfig" as const, kubeconfig: PATH, ...(context ? { context } : {}) };
  return { ...rest, loading: loadCredentials(config, sources) };
};

async function refusal(loading: Promise<unknown>): Promise<string> {
  try {
    await loading;
  } catch (error) {
    assert.ok(error instanceof StalledError, String(error));
    assert.equal(error.code, "config_invalid");
    assert.ok(!`${error.message} ${error.hint}`.includes(TOKEN), "no secret is repeated");
    return error.message;
  }
  throw new assert.AssertionError({ message: "was accepted" });
}

Deno.test("a kubeconfig with a token and inline CA is read, and the token masked", async () => {
  const text = kubeconfig({ "certificate-authority-data": data("CA PEM") }, { token: TOKEN });
  const { loading, mask } = load(text);
  const credentials = await loading;
  assert.equal(credentials.baseUrl, "https://api.example:6443");
  assert.equal(credentials.caPem, "CA PEM");
  assert.equal(await credentials.token(), TOKEN);
  assert.equal(mask.apply(TOKEN), "[masked]");
});

Deno.test("a kubeconfig with an inline client certificate is read", async () => {
  const user = { "client-certificate-data": data("CERT"), "client-key-data": data("THE KEY PEM") };
  const { loading, mask } = load(kubeconfig({}, user));
  const credentials = await loading;
  assert.deepEqual([credentials.certPem, credentials.keyPem], ["CERT", "THE KEY PEM"]);
  assert.equal(await credentials.token(), null);
  assert.equal(mask.apply("THE KEY PEM"), "[masked]");
});

Deno.test("a kubeconfig's files are looked for beside it", async () => {
  const cluster = { "certificate-authority": "pki/ca.crt" };
  const user = { "client-certificate": "./client.crt", "client-key": "/abs/client.key" };
  const credentials = await load(kubeconfig(cluster, user), {
    "/etc/connector/pki/ca.crt": "CA PEM",
    "/etc/connector/client.crt": "CERT",
    "/abs/client.key": "KEY",
  }).loading;
  assert.equal(credentials.caPem, "CA PEM");
  assert.deepEqual([credentials.certPem, credentials.keyPem], ["CERT", "KEY"]);
});

Deno.test("a kubeconfig's tokenFile is read beside it, and again after a while or a 401", async () => {
  const file = "/etc/connector/token";
  const { loading, clock, contents, mask } = load(kubeconfig({}, { tokenFile: "token" }), {
    [file]: `${TOKEN}\n`,
  });
  const credentials = await loading;
  assert.equal(await credentials.token(), TOKEN);
  contents[file] = "the-second-token";
  clock.advance(60_000);
  assert.equal(await credentials.token(), TOKEN, "kept for a minute");
  clock.advance(1);
  assert.equal(await credentials.token(), "the-second-token");
  contents[file] = "the-third-token";
  credentials.forgetToken();
  assert.equal(await credentials.token(), "the-third-token");
  assert.equal(
    mask.apply(`${TOKEN} the-second-token the-third-token`),
    "[masked] [masked] [masked]",
  );
});

Deno.test("a kubeconfig's other context is used when it is named", async () => {
  const contexts = [{ name: "other", context: { cluster: "c", user: "u" } }];
  const text = kubeconfig({}, { token: TOKEN }, { contexts, "current-context": "missing" });
  assert.equal((await load(text, {}, "other").loading).baseUrl, "https://api.example:6443");
  assert.match(await refusal(load(text).loading), /no usable context missing/);
});

Deno.test("a kubeconfig's proxy is used", async () => {
  const text = kubeconfig({ "proxy-url": "http://proxy:3128" }, { token: TOKEN });
  assert.equal((await load(text).loading).proxy, "http://proxy:3128");
});

const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "aws" };
const REFUSED: Record<string, [string, RegExp]> = {
  "an exec plugin": [kubeconfig({}, { exec }), /exec plugin, which would have .* run a program/],
  "an auth provider": [
    kubeconfig({}, { "auth-provider": { name: "gcp" } }),
    /auth provider, which would have the connector run a program/,
  ],
  "a password": [kubeconfig({}, { username: "u", password: TOKEN }), /through a password/],
  "impersonation": [kubeconfig({}, { token: TOKEN, as: "admin" }), /impersonation/],
  "nobody's credentials": [kubeconfig({}, {}), /no client certificate, token or tokenFile/],
  "a certificate without its key": [
    kubeconfig({}, { "client-certificate-data": data("CERT") }),
    /only one of client certificate and client key/,
  ],
  "plain HTTP": [
    kubeconfig({ server: "http://api" }, { token: TOKEN }),
    /http:\/\/api is not https/,
  ],
  "no URL for a server": [
    kubeconfig({ server: "https://api:99999" }, { token: TOKEN }),
    /is not https/,
  ],
  "insecure-skip-tls-verify": [
    kubeconfig({ "insecure-skip-tls-verify": true }, { token: TOKEN }),
    /insecure-skip-tls-verify is refused/,
  ],
  "tls-server-name": [
    kubeconfig({ "tls-server-name": "other" }, { token: TOKEN }),
    /tls-server-name is not supported/,
  ],
  "a SOCKS proxy": [
    kubeconfig({ "proxy-url": "socks5://proxy:1080" }, { token: TOKEN }),
    /proxy-url must be http/,
  ],
  "data that is not base64": [
    kubeconfig({ "certificate-authority-data": "%%%" }, { token: TOKEN }),
    /certificate-authority-data is not base64/,
  ],
  "a file that is not there": [
    kubeconfig({ "certificate-authority": "ca.crt" }, { token: TOKEN }),
    /\/etc\/connector\/ca\.crt does not exist/,
  ],
  "YAML that is broken": [`users:\n- user: {token: "${TOKEN}\n`, /cannot be parsed/],
  "YAML that is broken later": [`users:\n- {token: ${TOKEN}}\n  x: [`, /cannot be parsed/],
  "a list": ["[]", /not a usable kubeconfig/],
  "users of another shape": [`users: { token: ${TOKEN} }`, /its users cannot be read/],
  "nothing": ["", /is empty/],
  "no contexts": [kubeconfig({}, { token: TOKEN }, { contexts: [] }), /no usable context main/],
};

for (const [what, [text, message]] of Object.entries(REFUSED)) {
  Deno.test(`a kubeconfig with ${what} is refused`, async () => {
    const found = await refusal(load(text).loading);
    assert.ok(found.includes("/etc/connector/"), found);
    assert.match(found, message);
  });
}

Deno.test("a context without a cluster, and one that is not there, are refused by name", async () => {
  const text = kubeconfig({}, { token: TOKEN });
  assert.match(await refusal(load(text, {}, "broken").loading), /no usable context broken/);
  assert.match(await refusal(load(text, {}, "absent").loading), /no usable context absent/);
});

Deno.test("files that are missing, unreadable or no text are refused by path", async () => {
  for (
    const [content, message] of [
      [new Uint8Array([0xff]), /not a text file/],
      [new Error("denied"), /Cannot read .*denied/],
    ] as const
  ) {
    assert.match(await refusal(load("", { [PATH]: content }).loading), message);
  }
  const { sources } = setUp({});
  const loading = loadCredentials({ mode: "kubeconfig", kubeconfig: "/none" }, sources);
  assert.match(await refusal(loading), /\/none does not exist/);
});

for (const content of ["", "  \n", "two words", "line\nline"]) {
  Deno.test(`a token file that holds ${JSON.stringify(content)} is refused, not sent`, async () => {
    const file = "/etc/connector/token";
    const credentials = await load(kubeconfig({}, { tokenFile: file }), { [file]: content })
      .loading;
    assert.match(await refusal(credentials.token()), /does not hold a bearer token/);
  });
}

const POD = {
  [`${SERVICE_ACCOUNT}/ca.crt`]: "CA PEM",
  [`${SERVICE_ACCOUNT}/token`]: TOKEN,
};

Deno.test("in a cluster the service account is used", async () => {
  const { sources } = setUp(POD, {
    KUBERNETES_SERVICE_HOST: "10.0.0.1",
    KUBERNETES_SERVICE_PORT: "443",
  });
  const credentials = await loadCredentials({ mode: "inCluster" }, sources);
  assert.equal(credentials.baseUrl, "https://10.0.0.1:443");
  assert.equal(credentials.caPem, "CA PEM");
  assert.equal(await credentials.token(), TOKEN);
});

Deno.test("in a cluster an IPv6 address is bracketed", async () => {
  const { sources } = setUp(POD, {
    KUBERNETES_SERVICE_HOST: "fd00:10:96::1",
    KUBERNETES_SERVICE_PORT: "6443",
  });
  const { baseUrl } = await loadCredentials({ mode: "inCluster" }, sources);
  assert.equal(baseUrl, "https://[fd00:10:96::1]:6443");
  assert.equal(new URL(baseUrl).hostname, "[fd00:10:96::1]");
});

for (
  const env of [{}, { KUBERNETES_SERVICE_HOST: "10.0.0.1" }, { KUBERNETES_SERVICE_PORT: "443" }]
) {
  Deno.test(`outside a cluster (${Object.keys(env)[0] ?? "no variable"}) inCluster is refused`, async () => {
    const { sources } = setUp(POD, env);
    const loading = loadCredentials({ mode: "inCluster" }, sources);
    assert.match(await refusal(loading), /KUBERNETES_SERVICE_HOST and _PORT are not both set/);
  });
}

Deno.test("in a cluster without a service account the missing file is named", async () => {
  const { sources } = setUp({}, {
    KUBERNETES_SERVICE_HOST: "10.0.0.1",
    KUBERNETES_SERVICE_PORT: "443",
  });
  const loading = loadCredentials({ mode: "inCluster" }, sources);
  assert.match(await refusal(loading), /serviceaccount\/ca\.crt does not exist/);
});
