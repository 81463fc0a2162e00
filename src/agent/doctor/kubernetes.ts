/** Whether the API server takes this connector's credentials. */
import { connectKubernetes } from "../kubernetes.ts";
import { type Check, found } from "./check.ts";

export const kubernetes: Check = {
  name: "kubernetes",
  async run(parts) {
    const side = await connectKubernetes(parts);
    if (!side) return [found(this.name, "skip", "kubernetes.mode is none")];
    try {
      const { version } = await side.facts();
      return [found(this.name, "ok", `the API server is ${version}`)];
    } finally {
      side.close();
    }
  },
};
