/**
 * zod, as every `import … from "zod"` gets it (deno.json): checks are walked and not compiled. Compiling
 * each schema at its first parse costs a start 14 ms, and saves half a microsecond of a later parse of four.
 */
import { config } from "zod-library";

config({ jitless: true });

export * from "zod-library";
