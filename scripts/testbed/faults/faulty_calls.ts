/** Compiles what makes calls of a program to the kernel fail, where there is a C compiler and a Linux. */
import { run } from "../command.ts";
import { print } from "../print.ts";

const SOURCE = new URL("./faulty_calls.c", import.meta.url).pathname;
const FOLDER = "reports/faulty-calls";

/** Starts the program that its arguments name, with `FAULTY_LIBRARY` preloaded. */
export const FAULTY_PROGRAM = `${FOLDER}/faulty-calls`;
export const FAULTY_LIBRARY = `${FOLDER}/faulty-calls.so`;

/** The program's absolute path; nothing where it cannot be had. */
export async function buildFaultyCalls(): Promise<string[]> {
  await Deno.mkdir(FOLDER, { recursive: true });
  for (const [target, ...flags] of [[FAULTY_LIBRARY, "-shared", "-fPIC"], [FAULTY_PROGRAM]]) {
    const built = await run("cc", [...flags, "-O1", "-o", target!, SOURCE, "-ldl"]);
    if (!built.ok) {
      print(`no calls will be made to fail: ${built.problem}`);
      await Deno.remove(FOLDER, { recursive: true });
      return [];
    }
  }
  return [await Deno.realPath(FAULTY_PROGRAM)];
}
