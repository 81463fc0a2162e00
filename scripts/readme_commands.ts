/** The commands in README.md's sh blocks, and what CI does with each. Pure. */

/** Run by steps of .ci/run of their own. */
const STEPS = [
  "npx -y deno@2.9.6 task test",
  "npx -y deno@2.9.6 task simulate",
  "deno task test",
  "deno task simulate",
  "deno task testbed up",
  // By the suite of real peers, which knows whether there are any.
  "deno task simulate --config reports/testbed/connector.yaml",
  "deno task test:real",
  "deno task testbed down",
  "deno task compile",
  "deno task image",
  "deno task deb",
  "deno task check",
  "deno task check:docs",
  "deno task check:layers",
  "deno fmt --check",
  "deno lint",
];
/** What a reader needs for the others, by the command's first words. */
const NEEDS: Readonly<Record<string, string>> = {
  "git clone": "the repository's public address",
  "cd": "a fresh clone",
  "deno task agent": "real peers",
  "deno task bench:execute": "the testbed, and a machine with nothing else to do",
  "deno task connector executions": "a running connector",
  "deno task connector metrics": "real peers",
  "deno task connector status": "a running connector",
  "deno task connector audit": "a running connector's state",
  "deno task connector verify": "a signed package",
  "neuralops-connector": "an installed connector",
  "deno install": "nothing, but changes the machine",
  "cosign": "cosign and a key",
  "kubectl": "a cluster",
  "helm": "a cluster",
  "systemctl": "a host with systemd",
  "sudo": "root",
};

export interface ReadmeCommands {
  /** Run one after the other, as they stand. */
  readonly runnable: readonly string[];
  /** A command of none of the kinds above. */
  readonly unknown: readonly string[];
  /** Every command, in the order of the document. */
  readonly all: readonly string[];
}

/** Commands that print something and need nothing are run: `--help`, `version`, `policy check`. */
const HARMLESS = /^deno task connector (--help|version|policy check|\w+ --help)/;

export function sortCommands(readme: string): ReadmeCommands {
  const all = shellCommands(readme);
  const isCovered = (command: string) =>
    STEPS.includes(command) || Object.keys(NEEDS).some((start) => beginsWith(command, start));
  const runnable = all.filter((command) => HARMLESS.test(command));
  const unknown = all.filter((command) => !HARMLESS.test(command) && !isCovered(command));
  return { all, runnable, unknown };
}

/** Without comments; lines that end in a backslash are one command. */
export function shellCommands(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n(.*?)^```/gms)]
    .flatMap(([, block]) => block!.replaceAll(/\\\n\s*/g, "").split("\n"))
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

function beginsWith(command: string, start: string): boolean {
  return command === start || command.startsWith(`${start} `);
}
