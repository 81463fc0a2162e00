import assert from "node:assert/strict";
import { MAX_COMPRESSED_BYTES, setName } from "../../../src/adapters/kubernetes/journal/chunks.ts";
import { generateKeyPem } from "../../../src/core/connector_key.ts";
import { encodeBase64, encodeUtf8 } from "../../../src/core/encoding.ts";
import { sealRecord } from "../../../src/core/execution_seal.ts";
import { ConnectorError } from "../../../src/errors.ts";
import type { KubeObject } from "../../../src/embedded/kubernetes/json.ts";
import { addNamespace } from "../../fakes/execution_stand.ts";
import { withCluster } from "../../fakes/kubernetes_cluster.ts";
import {
  installDefinition,
  journalOn,
  KEY_SECRET,
  NAMESPACE,
  PACK,
  sealedRecord,
  settledFrom,
} from "../../fakes/kubernetes_journal.ts";
import {
  EVERYTHING,
  noise,
  planOf,
  preimage,
  refuses,
  secretsOf,
  withJournal,
  WPX,
} from "./journal_fixture.ts";

const dataOf = (secret: KubeObject) => secret["data"] as Record<string, string>;

Deno.test("preimages larger than a Secret come back from several, and go for good", () =>
  withJournal(async (fixture, { journal, key }) => {
    const stored = (await journal.create(await sealedRecord(key), PACK))!;
    const preimages = ["a", "b", "c"].map((name) => preimage(name, noise(1_100_000)));
    await journal.savePreimages(stored.id, preimages);
    assert.deepEqual(await journal.preimages(stored.id), preimages);
    const secrets = secretsOf(fixture, "preimages");
    assert.equal(secrets.length, 5);
    for (const secret of secrets) {
      assert.equal(secret["type"], "neuralops.io/journal");
      assert.equal(secret.metadata.ownerReferences![0]!["name"], stored.id);
    }
    fixture.kubernetes.store.remove("v1", "Secret", NAMESPACE, secrets[3]!.metadata.name);
    await refuses(journal.preimages(stored.id), "state_damaged", "it is gone");
    await journal.savePreimages(stored.id, preimages);
    assert.deepEqual(await journal.preimages(stored.id), preimages, "a set is made whole again");
    await journal.dropPreimages(stored.id);
    assert.equal(secretsOf(fixture, "preimages").length, 0);
  }));

Deno.test("100 preimages of 1.5 MiB are kept when they compress, and refused before any is written otherwise", () =>
  withJournal(async (fixture, { journal, key }) => {
    const stored = (await journal.create(await sealedRecord(key), PACK))!;
    const names = Array.from({ length: 100 }, (_, index) => `m-${index}`);
    const text = "key: value of a manifest as people write it\n".repeat(35_000);
    await journal.savePreimages(stored.id, names.map((name) => preimage(name, text)));
    assert.ok(secretsOf(fixture, "preimages").length >= 100);
    await journal.dropPreimages(stored.id);
    const large = noise(1_100_000);
    const random = names.map((name) => preimage(name, large));
    await refuses(journal.savePreimages(stored.id, random), "too_large", `${MAX_COMPRESSED_BYTES}`);
    assert.equal(secretsOf(fixture, "preimages").length, 0);
  }));

Deno.test("a plan that is too large for the object is kept beside it and comes back as it was", () =>
  withJournal(async (fixture, { journal, key }) => {
    const stored = (await journal.create(await sealedRecord(key), PACK))!;
    const plan = planOf(noise(600_000));
    const planned = await journal.replace(await sealRecord({ ...stored, plan }, key));
    const object = fixture.kubernetes.store.get(...WPX, stored.id)!;
    assert.ok(JSON.stringify(object).length < 10_000);
    assert.deepEqual((await journal.find(stored.id))!.plan, plan);
    const { open } = await journalOn(fixture.api).journal.open();
    assert.deepEqual(open[0]!.plan, planned.plan);
  }));

Deno.test("a package without its execution goes with the next pruning, and one with it gets its owner", () =>
  withJournal(async (fixture, { journal, key }) => {
    const { kubernetes } = fixture;
    kubernetes.hooks.authorize = ({ resource, verb }) =>
      resource === "workpackageexecutions" && verb === "create"
        ? { code: 500, reason: "InternalError", message: "gone away" }
        : null;
    await refuses(journal.create(await sealedRecord(key), PACK), "unavailable");
    const isOwned = () =>
      secretsOf(fixture, "package").map(({ metadata }) => metadata.ownerReferences?.length);
    assert.deepEqual(isOwned(), [undefined]);
    kubernetes.hooks.authorize = ({ resource, verb }) =>
      resource === "secrets" && verb === "patch"
        ? { code: 500, reason: "InternalError", message: "gone away" }
        : null;
    const second = journalOn(fixture.api);
    await second.journal.open();
    await second.journal.create(await sealedRecord(second.key, { stream: "other" }), PACK);
    assert.deepEqual(isOwned(), [undefined, undefined]);
    kubernetes.hooks.authorize = () => null;
    await second.journal.prune({ ...EVERYTHING, limit: 0 });
    assert.deepEqual(isOwned(), [1]);
  }));

Deno.test("the first leader makes the shared key, all others read it", () =>
  withJournal(async ({ api, kubernetes }, { key }) => {
    const others = [journalOn(api), journalOn(api)];
    await Promise.all(others.map(({ journal }) => journal.open()));
    for (const other of others) assert.equal(other.key.id, key.id);
    const secret = kubernetes.store.get("v1", "Secret", NAMESPACE, KEY_SECRET)!;
    assert.equal(secret["immutable"], true);
    assert.equal(secret["type"], "neuralops.io/journal-key");
    key.forget();
    assert.throws(() => key.publicKey, /is not open/);
  }));

Deno.test("a shared key that is gone, or another one, is state_damaged and never made anew", () =>
  withJournal(async ({ api, kubernetes }, { journal, key }) => {
    const stored = (await journal.create(await sealedRecord(key), PACK))!;
    const settled = await journal.replace(await settledFrom(stored, key));
    const remove = () => kubernetes.store.remove("v1", "Secret", NAMESPACE, KEY_SECRET);
    remove();
    await refuses(journalOn(api).journal.open(), "state_damaged", "is gone");
    assert.equal(kubernetes.store.get("v1", "Secret", NAMESPACE, KEY_SECRET), null);
    const put = (text: string) =>
      kubernetes.store.put({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: KEY_SECRET, namespace: NAMESPACE },
        data: { "key.pem": encodeBase64(encodeUtf8(text)) },
      }, "someone");
    put(await generateKeyPem());
    await refuses(journalOn(api).journal.open(), "state_damaged", key.id);
    remove();
    put("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    await assert.rejects(journalOn(api).journal.open(), (error: ConnectorError) => {
      assert.equal(error.code, "state_damaged");
      assert.ok(!`${error.stack}${error.cause}`.includes("AAAA"), "quotes no key");
      return true;
    });
    // Nothing but a head is left: it was sealed with the key as well.
    remove();
    await journal.prune(EVERYTHING);
    assert.equal(await journal.find(settled.id), null);
    await refuses(journalOn(api).journal.open(), "state_damaged", "is gone");
  }));

Deno.test("a head that someone lowered, or a chunk that someone changed, is state_damaged", () =>
  withJournal(async (fixture, { journal, key }) => {
    const stored = (await journal.create(await sealedRecord(key, { sequence: 3 }), PACK))!;
    const [pack] = secretsOf(fixture, "package");
    assert.equal(
      pack!.metadata.name,
      `${setName(stored.id, "package", `${stored.digest} ${stored.bundlesDigest}`)}-0`,
    );
    const { store } = fixture.kubernetes;
    const data = { ...dataOf(pack!), slice: encodeBase64(encodeUtf8("no gzip")) };
    store.remove("v1", "Secret", NAMESPACE, pack!.metadata.name);
    store.put({ ...pack!, data }, "someone");
    await refuses(journal.package(stored.id), "state_damaged", "cannot be unpacked");
    const [head] = secretsOf(fixture, "head");
    const content = JSON.parse(atob(dataOf(head!)["head"]!));
    const lower = encodeBase64(encodeUtf8(JSON.stringify({ ...content, sequence: 1 })));
    store.put({ ...head!, data: { head: lower } }, "someone");
    await refuses(journalOn(fixture.api).journal.open(), "state_damaged", "seal");
  }));

Deno.test("without its definition, its namespace or its rights the journal says what to do, and makes no key", () =>
  withCluster(async ({ kubernetes, api }) => {
    const { journal } = journalOn(api);
    await refuses(
      journal.open(),
      "config_invalid",
      "kubectl apply -f helm/connector/crds/workpackageexecutions.yaml",
    );
    await installDefinition(kubernetes, "other");
    await refuses(journal.open(), "config_invalid", "kubectl create namespace neuralops");
    addNamespace(kubernetes, NAMESPACE);
    kubernetes.hooks.authorize = ({ resource, verb, user }) =>
      resource !== "secrets" ? null : {
        code: 403,
        reason: "Forbidden",
        message: `secrets is forbidden: User "${user}" cannot ${verb} resource "secrets"`,
      };
    await refuses(journal.open(), "access_denied", "docs/examples/journal-rbac.yaml");
    kubernetes.hooks.authorize = () => null;
    assert.equal(kubernetes.store.get("v1", "Secret", NAMESPACE, KEY_SECRET), null);
    assert.deepEqual((await journal.open()).open, []);
  }));
