import assert from "node:assert/strict";
import { shellCommands, sortCommands } from "../../scripts/readme_commands.ts";

const README = `
# Title

\`\`\`sh
# what a reader does first
npx -y deno@2.9.6 task test   # about a minute
deno task connector verify wpk.yaml \\
  --key cosign.pub

deno task connector --help
\`\`\`

\`\`\`yaml
deno task unseen: true
\`\`\`

\`\`\`sh
rm -rf /
\`\`\`
`;

Deno.test("README commands are read from sh blocks only, joined and without comments", () => {
  assert.deepEqual(shellCommands(README), [
    "npx -y deno@2.9.6 task test",
    "deno task connector verify wpk.yaml --key cosign.pub",
    "deno task connector --help",
    "rm -rf /",
  ]);
});

Deno.test("README commands are sorted into those that CI runs and those that it does not know", () => {
  const { runnable, unknown } = sortCommands(README);
  assert.deepEqual(runnable, ["deno task connector --help"]);
  assert.deepEqual(unknown, ["rm -rf /"]);
});
