/** What is compiled, for which machines, with which permissions. */

export interface Target {
  /** As `deno compile --target` calls it. */
  readonly triple: string;
  /** Name of the file under the output folder. */
  readonly file: string;
  /** Name of the permission set in deno.json. */
  readonly permissions: "agent" | "cli";
}

export const TARGETS: readonly Target[] = [
  {
    triple: "x86_64-unknown-linux-gnu",
    file: "neuralops-connector-linux-x86_64",
    permissions: "agent",
  },
  {
    triple: "aarch64-unknown-linux-gnu",
    file: "neuralops-connector-linux-aarch64",
    permissions: "agent",
  },
  {
    triple: "x86_64-unknown-linux-gnu",
    file: "neuralops-connector-cli-linux-x86_64",
    permissions: "cli",
  },
  {
    triple: "aarch64-unknown-linux-gnu",
    file: "neuralops-connector-cli-linux-aarch64",
    permissions: "cli",
  },
  {
    triple: "x86_64-apple-darwin",
    file: "neuralops-connector-cli-macos-x86_64",
    permissions: "cli",
  },
  {
    triple: "aarch64-apple-darwin",
    file: "neuralops-connector-cli-macos-aarch64",
    permissions: "cli",
  },
  {
    triple: "x86_64-pc-windows-msvc",
    file: "neuralops-connector-cli-windows-x86_64.exe",
    permissions: "cli",
  },
];
