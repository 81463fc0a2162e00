/** What a watch saw of ConfigMaps: each write that changed something, once. */
import type { Site } from "./site.ts";

const LAST = "last-of-all";

export interface Events {
  /** Of these names, in the order in which they came; called once, after the last write. */
  until(names: readonly string[]): Promise<string[]>;
}

export async function eventsOf(site: Site): Promise<Events> {
  const path = site.in("configmaps");
  const { body } = await site.call("GET", path);
  const since = body.metadata.resourceVersion;
  const watch = await site.watch(`${path}?watch=true&resourceVersion=${since}`);
  return {
    async until(names) {
      await site.call("POST", path, {
        body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: LAST } },
      });
      const seen: string[] = [];
      for (let event = await watch.next(); event; event = await watch.next()) {
        const { type, object: { metadata: { name } } } = event;
        if (name === LAST) break;
        if (names.includes(name)) seen.push(`${type} ${name}`);
      }
      await watch.close();
      return seen;
    },
  };
}
