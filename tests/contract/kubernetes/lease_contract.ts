/** A Lease as a lock: of any number of writers from one version, exactly one wins. */
import assert from "node:assert/strict";
import { objectAt } from "../../../src/embedded/kubernetes/json.ts";
import { lease } from "./objects.ts";
import type { Contract } from "./target.ts";

const LEASES = "coordination.k8s.io/v1/leases";
const RIVALS = ["one", "two", "three", "four", "five", "six", "seven", "eight"];

export const leaseContract: Contract = {
  async "of many that create a lease, one does"({ call, in: path }) {
    const answers = await Promise.all(
      RIVALS.map((holderIdentity) =>
        call("POST", path(LEASES), { body: lease({ holderIdentity, leaseDurationSeconds: 15 }) })
      ),
    );
    const winners = answers.filter(({ status }) => status === 201);
    assert.equal(winners.length, 1);
    for (const { status, body } of answers.filter((answer) => !winners.includes(answer))) {
      assert.deepEqual([status, body["reason"]], [409, "AlreadyExists"]);
    }
    const held = await call("GET", `${path(LEASES)}/leader`);
    assert.deepEqual(held.body["spec"], winners[0]!.body["spec"]);
  },

  async "of many that update a lease from one version, one does"({ call, in: path }) {
    let { body } = await call("POST", path(LEASES), { body: lease({ holderIdentity: "nobody" }) });
    for (let round = 0; round < 3; round += 1) {
      const from = body;
      const answers = await Promise.all(
        RIVALS.map((rival) =>
          call("PUT", `${path(LEASES)}/leader`, {
            body: { ...from, spec: { holderIdentity: `${rival}-${round}` } },
          })
        ),
      );
      const winners = answers.filter(({ status }) => status === 200);
      assert.equal(winners.length, 1);
      for (const { status, body } of answers.filter((answer) => !winners.includes(answer))) {
        assert.deepEqual([status, body["reason"]], [409, "Conflict"]);
        assert.equal(
          body.message,
          'Operation cannot be fulfilled on leases.coordination.k8s.io "leader": the object has ' +
            "been modified; please apply your changes to the latest version and try again",
        );
      }
      body = (await call("GET", `${path(LEASES)}/leader`)).body;
      assert.deepEqual(body["spec"], winners[0]!.body["spec"]);
    }
  },

  async "a lease is not updated without a version"({ call, in: path }) {
    await call("POST", path(LEASES), { body: lease({ holderIdentity: "one" }) });
    const blind = await call("PUT", `${path(LEASES)}/leader`, {
      body: lease({ holderIdentity: "two" }),
    });
    assert.equal(blind.status, 422);
    assert.match(
      blind.body.message!,
      /^leases\.coordination\.k8s\.io "leader" is invalid: metadata\.resourceVersion: Invalid value: 0/,
    );
  },

  async "a lease of an object that was made anew is another's"({ call, in: path }) {
    const { body: first } = await call("POST", path(LEASES), {
      body: lease({ holderIdentity: "one" }),
    });
    await call("DELETE", `${path(LEASES)}/leader`);
    const gone = await call("PUT", `${path(LEASES)}/leader`, { body: first });
    assert.deepEqual([gone.status, gone.body["reason"]], [409, "Conflict"]);
    await call("POST", path(LEASES), { body: lease({ holderIdentity: "two" }) });
    const late = await call("PUT", `${path(LEASES)}/leader`, { body: first });
    assert.deepEqual([late.status, late.body["reason"]], [409, "Conflict"]);
    const held = await call("GET", `${path(LEASES)}/leader`);
    assert.equal(objectAt(held.body, "spec")!["holderIdentity"], "two");
  },

  async "an update makes a lease anew, unless it names the uid of the last"({ call, in: path }) {
    const made = await call("PUT", `${path(LEASES)}/leader`, {
      body: lease({ holderIdentity: "one" }),
    });
    assert.deepEqual([made.status, made.body["spec"]], [201, { holderIdentity: "one" }]);
  },

  async "times of a lease have microseconds, and nothing else will do"({ call, in: path }) {
    const renewTime = "2026-11-22T10:00:00.123456Z";
    const good = await call("POST", path(LEASES), {
      body: lease({ holderIdentity: "one", renewTime, leaseTransitions: 0 }),
    });
    assert.deepEqual(good.body["spec"], { holderIdentity: "one", renewTime, leaseTransitions: 0 });
    const bad = await call("PUT", `${path(LEASES)}/leader`, {
      body: { ...good.body, spec: { renewTime: "soon" } },
    });
    assert.equal(bad.status, 400);
    const negative = await call("PUT", `${path(LEASES)}/leader`, {
      body: { ...good.body, spec: { holderIdentity: "one", leaseDurationSeconds: 0 } },
    });
    assert.equal(negative.status, 422);
  },
};
