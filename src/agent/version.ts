/** The one version number, from deno.json. */
import config from "../../deno.json" with { type: "json" };

export const VERSION: string = config.version;
