/** A path in the configuration. */
import { z } from "zod";

export const path = z.string().min(1).regex(/^(\/|\.\/)/, "must be a path that begins with / or ./")
  .meta({ form: "path" });
