/** What a journal keeps, and how it refuses what would undo that. */
import assert from "node:assert/strict";
import { sealRecord } from "../../../src/core/execution_seal.ts";
import { MAX_PACKAGE_BYTES } from "../../../src/core/protocol.ts";
import type { ContractTest } from "../contract.ts";
import {
  contentOf,
  create,
  createSettled,
  pack,
  preimagesOf,
  recordOf,
  settled,
} from "./records.ts";
import type { JournalTarget } from "./target.ts";

const UNKNOWN = `wpx-${"0".repeat(32)}`;

export const KEEPING: readonly ContractTest<JournalTarget>[] = [
  {
    name: "journal gives back every field of a record, before and after a restart",
    async run(target) {
      const plan = { digest: "sha256:p", entries: [], plannedAtMs: 1 };
      const approvals = [{
        approver: "é",
        means: "uid 1000",
        signed: null,
        planDigest: "sha256:p",
        atMs: 1,
        signature: "a.b.c",
      }];
      const stored = await create(target, "one", { plan, approvals, applied: 3 });
      assert.notEqual(stored.version, "");
      assert.deepEqual(await target.journal.find(stored.id), stored);
      const { journal } = await target.reopen();
      assert.deepEqual(contentOf(await journal.find(stored.id)), contentOf(stored));
    },
  },
  {
    name: "journal refuses a second record of one id, in whatever state the first is",
    async run(target) {
      const other = { ...pack("one"), bundles: [{ other: true }] };
      for (const text of ["one", "two"]) {
        const first = await (text === "one" ? create : createSettled)(target, text);
        const second = recordOf({ ...pack(text), bundles: other.bundles }, { sequence: 9 });
        assert.equal(await target.journal.create(second, { ...pack(text), ...other }), null);
        assert.deepEqual(await target.journal.find(first.id), first);
        assert.deepEqual(await target.journal.package(first.id), pack(text));
      }
    },
  },
  {
    name: "journal lets exactly one of many creations of one id win, with its package",
    async run({ journal }) {
      const tries = Array.from({ length: 8 }, (_, index) => {
        const material = { ...pack("one"), bundles: [{ index }] };
        return { material, record: recordOf(material, { purpose: `try ${index}` }) };
      });
      const results = await Promise.all(
        tries.map(({ record, material }) => journal.create(record, material)),
      );
      const [winner, ...more] = results.filter((result) => result !== null);
      assert.equal(more.length, 0);
      const index = results.indexOf(winner!);
      assert.deepEqual(await journal.find(winner!.id), winner);
      assert.deepEqual(await journal.package(winner!.id), tries[index]!.material);
    },
  },
  {
    name: "journal replaces only the latest version",
    async run(target) {
      const { journal } = target;
      const first = await create(target, "one");
      const second = await journal.replace({ ...first, state: "approved" });
      assert.notEqual(second.version, first.version);
      await assert.rejects(journal.replace({ ...first, state: "expired" }), { code: "not_leader" });
      assert.deepEqual(await journal.find(first.id), second);
      const end = await journal.replace(settled({ ...second, state: "cancelled" }));
      await assert.rejects(journal.replace({ ...second, state: "expired" }), {
        code: "not_leader",
      });
      assert.deepEqual(await journal.find(first.id), end);
    },
  },
  {
    name: "journal lets exactly one of many replacements of one version win",
    async run(target) {
      const first = await create(target, "one");
      const results = await Promise.allSettled(
        Array.from(
          { length: 8 },
          (_, index) => target.journal.replace({ ...first, applied: index + 1 }),
        ),
      );
      const won = results.filter((result) => result.status === "fulfilled");
      assert.equal(won.length, 1);
      for (const result of results) {
        if (result.status === "rejected") assert.equal(result.reason.code, "not_leader");
      }
      assert.deepEqual(await target.journal.find(first.id), won[0]!.value);
    },
  },
  {
    name: "journal takes no record that it has not, and finds none under a name that is no id",
    async run({ journal }) {
      const never = { ...recordOf(pack("never")), version: "1" };
      await assert.rejects(journal.replace(never), { code: "not_leader" });
      for (const id of [UNKNOWN, "", ".", "..", "../streams", "wpx-", `${UNKNOWN}/..`, "a\0b"]) {
        assert.equal(await journal.find(id), null, id);
      }
    },
  },
  {
    name: "journal gives back the largest package and a hundred preimages, byte by byte",
    async run(target) {
      const text = "é\n".repeat(MAX_PACKAGE_BYTES / 3);
      const material = pack(text);
      const { id } = await create(target, text);
      const preimages = preimagesOf(100, 8000);
      await target.journal.savePreimages(id, preimages);
      const { journal } = await target.reopen();
      assert.deepEqual(await journal.package(id), material);
      assert.deepEqual(await journal.preimages(id), preimages);
      await journal.savePreimages(id, preimages.slice(1));
      assert.deepEqual(await journal.preimages(id), preimages.slice(1));
    },
  },
  {
    name: "journal drops preimages for good, and says so of what it has not",
    async run(target) {
      const { id } = await create(target, "one");
      await target.journal.savePreimages(id, preimagesOf(3, 10));
      await target.journal.dropPreimages(id);
      await target.journal.dropPreimages(id);
      const { journal } = await target.reopen();
      await assert.rejects(journal.preimages(id), { code: "state_damaged" });
      await assert.rejects(journal.package(UNKNOWN), { code: "state_damaged" });
      assert.deepEqual(await journal.package(id), pack("one"));
    },
  },
  {
    name: "journal takes a refused record up again, with what came this time",
    async run(target) {
      const { journal } = target;
      for (const [text, refuse] of [["one", create], ["two", createSettled]] as const) {
        const refused = await refuse(target, text, { state: "refused", sequence: 7, stream: text });
        const again = { ...pack(text), bundles: [{ second: true }] };
        const record = recordOf(again, {
          sequence: 7,
          stream: text,
          receivedAtMs: refused.receivedAtMs + 1,
        });
        const sealed = await sealRecord({ ...record, version: refused.version }, target.key);
        const stored = await journal.replace(sealed, again);
        assert.deepEqual(contentOf(stored), contentOf(sealed));
        const next = await target.reopen();
        const open = next.open.filter(({ id }) => id === stored.id);
        assert.deepEqual(open.map(contentOf), [contentOf(stored)]);
        assert.deepEqual(next.heads.get(text), { sequence: 7, id: stored.id });
        assert.deepEqual(await next.journal.package(stored.id), again);
        const { records } = await next.journal.list({ limit: 10 });
        const listed = records.filter(({ id }) => id === stored.id);
        assert.deepEqual(listed.map(contentOf), [contentOf(stored)]);
      }
    },
  },
];
