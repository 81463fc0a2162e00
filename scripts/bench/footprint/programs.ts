/** What is measured: the agent in each form in which it can be had, and what it is measured against. */
import config from "../../../deno.json" with { type: "json" };
import { isFile } from "../../testbed/command.ts";
import { type CompiledFloor, FLOOR_PROGRAM } from "./floor.ts";
import { CONFIG_FILE, SHIPPED_HOME, type Site } from "./sites.ts";

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

export interface Program {
  readonly name: string;
  /** What people read in the table. */
  readonly title: string;
  /** Name of the program that it is set against: an empty one on the same runtime. null for that itself. */
  readonly floor: string | null;
  /** Whether it finds its site where customers have it, and nowhere else. */
  readonly isShipped: boolean;
  /** Whether it runs in a container: the process that is started is then not the agent's own. */
  readonly isPacked?: boolean;
  command(site: Site): Command;
}

const { agent: allowed } = config.permissions;
/** Where `deno task compile` puts what it makes. */
export const DIST = "reports/dist";
const BUNDLE = `${DIST}/bundle/main.js`;
const BINARY = `${DIST}/neuralops-connector-linux-${Deno.build.arch}`;
/** Nothing of the checkout is looked at: a bundle stands alone. */
export const ALONE = ["--no-config", "--no-lock", "--no-remote", "--no-npm"];

/** The agent's own, but that it may write where the bench puts it. */
export const PERMISSIONS = [
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-net",
  "--ignore-env",
  `--allow-env=${allowed.env.allow.join(",")}`,
  `--allow-sys=${allowed.sys.join(",")}`,
];

/** Every form of the agent that can be measured here, each behind its floor; and why others cannot. */
export async function findPrograms(
  v8: readonly string[],
  floor: () => Promise<CompiledFloor | null>,
): Promise<{ programs: Program[]; left: string[] }> {
  const programs = denoPrograms(v8);
  const left: string[] = [];
  const hasBundle = await isFile(BUNDLE);
  if (!hasBundle) left.push(`the bundle: there is no ${BUNDLE}, see deno task compile`);
  if (!await isFile(BINARY)) left.push(`the binary: there is no ${BINARY}, see deno task compile`);
  else if (Deno.uid() !== 0) left.push("the binary: a root of its own for it takes the user root");
  else programs.push(...await binaryPrograms(floor));
  return {
    programs: programs.filter(({ name }) => hasBundle || !name.startsWith("bundle")),
    left,
  };
}

function denoPrograms(v8: readonly string[]): Program[] {
  const version = Deno.version.deno;
  const run = (...args: readonly string[]): Command => ({
    program: Deno.execPath(),
    args: ["run", "--quiet", ...args],
  });
  const floor = `deno-${version}`;
  const agent = ({ home }: Site) => ["run", "--config", `${home}/${CONFIG_FILE}`];
  const flags = v8.length > 0 ? [`--v8-flags=${v8.join(",")}`] : [];
  const bundle = (...more: readonly string[]) => (site: Site) =>
    run(...flags, ...more, ...ALONE, ...PERMISSIONS, BUNDLE, ...agent(site));
  return [
    {
      name: floor,
      title: `empty program, Deno ${version}`,
      floor: null,
      isShipped: false,
      command: ({ port }) => run(...ALONE, "--allow-net", FLOOR_PROGRAM, `${port}`),
    },
    {
      name: "bundle",
      title: `bundle, Deno ${version}, its code cache warm`,
      floor,
      isShipped: false,
      command: bundle(),
    },
    {
      name: "bundle-no-cache",
      title: `bundle, Deno ${version}, no code cache`,
      floor,
      isShipped: false,
      command: bundle("--no-code-cache"),
    },
    {
      name: "source",
      title: `from source, Deno ${version}`,
      floor,
      isShipped: false,
      command: (site) => run(...flags, ...PERMISSIONS, "main.ts", ...agent(site)),
    },
  ];
}

/**
 * A binary may write in SHIPPED_HOME only: each runs in a mount namespace that has its site there. The
 * floor, compiled on the same base, runs in one as well.
 */
async function binaryPrograms(
  floor: () => Promise<CompiledFloor | null>,
): Promise<Program[]> {
  const empty = await floor();
  if (!empty) return [];
  const within = ({ folder }: Site, ...command: readonly string[]): Command => ({
    program: "unshare",
    args: ["--mount", "sh", "-ec", IN_A_ROOT, "sh", SHIPPED_HOME, folder, ...command],
  });
  const floorName = `empty-${empty.version}`;
  return [
    {
      name: floorName,
      title: `empty program, compiled, Deno ${empty.version}`,
      floor: null,
      isShipped: true,
      command: (site) => within(site, empty.path, `${site.port}`),
    },
    {
      name: "binary",
      title: `binary, Deno ${empty.version}`,
      floor: floorName,
      isShipped: true,
      command: (site) =>
        within(site, `${Deno.cwd()}/${BINARY}`, "run", "--config", `${site.home}/${CONFIG_FILE}`),
    },
  ];
}

/** Nothing of it is seen outside: unshare makes the mounts private. */
const IN_A_ROOT = `home=$1 folder=$2; shift 2
mount -t tmpfs none "$(dirname "$home")"
mkdir "$home"
mount --bind "$folder" "$home"
exec "$@"`;
