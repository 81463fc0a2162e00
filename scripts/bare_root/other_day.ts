/**
 * Another day for a program that reads the system's clock: the story goes on after midnight. Debian's
 * libfaketime answers for the C library, and only for the wall clock.
 */
import { isFile, run } from "../testbed/command.ts";
import { cacheFolder } from "../testbed/peer.ts";
import { Failure } from "../release/failure.ts";

const PACKAGE = "libfaketime";
const LIBRARY = "libfaketimeMT.so.1";
/** Where it lies in the root. */
export const INSIDE = `/usr/lib/${LIBRARY}`;
const folder = () => `${cacheFolder()}/debian-${PACKAGE}`;

/** Path of the library, downloaded when it is not there. Throws Failure. */
export async function findFaketime(): Promise<string> {
  const library = `${folder()}/usr/lib/x86_64-linux-gnu/faketime/${LIBRARY}`;
  if (await isFile(library)) return library;
  await Deno.mkdir(folder(), { recursive: true });
  const fetched = await run("sh", ["-c", `apt-get download ${PACKAGE} && dpkg -x *.deb .`], {
    cwd: folder(),
  });
  if (fetched.ok) return library;
  throw new Failure(`Debian's ${PACKAGE} cannot be had: ${fetched.problem}`);
}

/** Variables for the program; none for an offset of less than a second. */
export function clockVariables(offsetMs: number): Record<string, string> {
  if (offsetMs < 1000) return {};
  return {
    LD_PRELOAD: INSIDE,
    FAKETIME: `+${Math.round(offsetMs / 1000)}s`,
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
}
