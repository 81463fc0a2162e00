import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { archiveOf, FLAVOURS, permissionsFile } from "../../scripts/image/flavours.ts";
import { nameOf } from "../../scripts/image/image.ts";

const CONFIG = "/etc/neuralops-connector/connector.yaml";

const stages = (await Deno.readTextFile("Containerfile"))
  .replaceAll(/^\s*#.*\n/gm, "").replaceAll(/\\\n\s*/g, "").split(/^FROM /m);

/** What the last instruction of this name says in a stage. */
function instruction(stage: string, name: string): string | undefined {
  const text = stages.find((text) => new RegExp(`^\\S+ AS ${stage}\\n`).test(text)) ?? "";
  return text.split("\n").findLast((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
}

Deno.test("the image's base is pinned by digest", () => {
  assert.match(stages[0]!, /^ARG BASE=\S+\/distroless\/cc-debian12:nonroot@sha256:[0-9a-f]{64}$/m);
  assert.ok(instruction("base", "LABEL"), "everything stands on it");
});

Deno.test("the image's user is a number, and nobody", () => {
  assert.equal(instruction("base", "USER"), "65532:65532");
});

Deno.test("the image bears the annotations of OCI", () => {
  const labels = instruction("base", "LABEL")!;
  for (const name of ["title", "description", "version", "revision", "created", "vendor"]) {
    assert.ok(labels.includes(`org.opencontainers.image.${name}="`), name);
  }
});

for (const { target } of Object.values(FLAVOURS)) {
  Deno.test(`the image runs the agent unless told otherwise (${target})`, () => {
    assert.deepEqual(JSON.parse(instruction(target, "CMD")!), ["run", "--config", CONFIG]);
  });
}

Deno.test("the compiled file is the image's whole command, and the last stage", () => {
  assert.deepEqual(JSON.parse(instruction("compiled", "ENTRYPOINT")!), [
    "/usr/bin/neuralops-connector",
  ]);
  assert.match(stages.at(-1)!, /^base AS compiled\n/);
});

Deno.test("the image with Deno gives it the agent's permissions and no more", () => {
  const folder = "/usr/lib/neuralops-connector";
  const args: string[] = JSON.parse(instruction("deno", "ENTRYPOINT")!);
  assert.deepEqual(
    args.filter((arg) => /^(-P|-A|-[RWNES]|--allow|--permission|--config)/.test(arg)),
    [
      `--config=${folder}/deno.json`,
      "-P=agent",
    ],
  );
  assert.deepEqual([args[0], args.at(-1)], ["/usr/bin/deno", `${folder}/main.js`]);
  for (const flag of ["--no-prompt", "--no-npm", "--no-remote"]) {
    assert.ok(args.includes(flag), flag);
  }
  const { permissions } = JSON.parse(permissionsFile(config.permissions));
  assert.deepEqual(permissions, { agent: config.permissions.agent });
});

Deno.test("flavours have names, tags and archives of their own", () => {
  const flavours = Object.values(FLAVOURS);
  const names = flavours.map((flavour) => nameOf({ version: "1.2.3", flavour }));
  assert.deepEqual(names, [
    "localhost/neuralops-connector:1.2.3",
    "localhost/neuralops-connector:1.2.3-deno",
  ]);
  assert.equal(new Set(flavours.map((flavour) => archiveOf("d", flavour))).size, flavours.length);
});
