/** How the server's own controllers write: through the same pipeline, past all hooks. */
import type { KubeObject } from "./json.ts";
import type { Resource } from "./resources.ts";
import type { ServerState, Target } from "./state.ts";
import { Writer } from "./writer.ts";

const OPEN_HOOKS = { authorize: () => null, admission: () => null };

export class SystemWriter {
  readonly #state: ServerState;
  readonly #writer: Writer;

  constructor(state: ServerState) {
    this.#state = { ...state, hooks: OPEN_HOOKS };
    this.#writer = new Writer(this.#state);
  }

  /** Creates the object, or replaces it as an Update by `manager`. */
  put(resource: Resource, object: KubeObject, manager: string, subresource = ""): KubeObject {
    const { name, namespace = "" } = object.metadata;
    const exists = this.#state.store.get(resource, namespace, name) !== null;
    const target: Target = {
      resource,
      info: {
        user: "system:embedded",
        verb: exists ? "update" : "create",
        group: resource.group,
        version: resource.version,
        resource: resource.plural,
        subresource,
        namespace,
        name: exists ? name : "",
        options: {
          dryRun: false,
          force: false,
          fieldManager: manager,
          fieldValidation: "Ignore",
        },
      },
    };
    return exists
      ? this.#writer.update(target, object).object
      : this.#writer.create(target, object).object;
  }
}
