/** The controller of custom resource definitions: serves what they define, and says so. */
import { type CustomResource, customSchema } from "./custom_schema.ts";
import { type JsonObject, type KubeObject, objectAt, objectsIn } from "./json.ts";
import { type ServerState, timestamp } from "./state.ts";
import type { Change } from "./store.ts";
import type { SystemWriter } from "./system_writer.ts";
import type { Timers } from "./timers.ts";

const MANAGER = "kube-apiserver";
/** A definition is not served at once, so that clients learn to wait for it. */
const ESTABLISH_MS = 10;
export const DEFINITIONS = {
  group: "apiextensions.k8s.io",
  plural: "customresourcedefinitions",
} as const;

export class Definitions {
  constructor(
    private readonly state: ServerState,
    private readonly writer: SystemWriter,
    private readonly timers: Timers,
  ) {}

  observe({ type, key, object, previous }: Change): void {
    if (key.plural !== DEFINITIONS.plural || key.group !== DEFINITIONS.group) return;
    const name = `establish ${object.metadata.name}`;
    if (type === "DELETED") {
      this.timers.cancel(name);
      this.#withdraw(object);
    } else if (previous?.metadata.generation !== object.metadata.generation) {
      this.timers.after(ESTABLISH_MS, name, () => this.#establish(object.metadata.name));
    }
  }

  #establish(name: string): void {
    const definition = this.state.store.get(DEFINITIONS, "", name);
    const resource = this.state.resources.find(DEFINITIONS.group, "v1", DEFINITIONS.plural);
    if (!definition || !resource) return;
    const versions = customResources(definition);
    const first = versions[0];
    if (first) this.state.resources.replace(first.group, first.plural, versions);
    const lastTransitionTime = timestamp(this.state.clock);
    const accepted = (kind: string, reason: string, message: string) => ({
      type: kind,
      status: "True",
      lastTransitionTime,
      reason,
      message,
    });
    const status = {
      acceptedNames: objectAt(definition, "spec", "names") ?? {},
      storedVersions: objectsIn(objectAt(definition, "spec")?.["versions"])
        .filter((version) => version["storage"] === true)
        .map((version) => version["name"] ?? ""),
      conditions: [
        accepted("NamesAccepted", "NoConflicts", "no conflicts found"),
        accepted("Established", "InitialNamesAccepted", "the initial names have been accepted"),
      ],
    };
    this.writer.put(resource, { ...definition, status }, MANAGER, "status");
  }

  #withdraw(definition: KubeObject): void {
    const { group, plural } = namesOf(definition);
    for (const object of this.state.store.list({ group, plural })) {
      this.state.store.remove({ group, plural }, object);
    }
    this.state.resources.replace(group, plural, []);
  }
}

function namesOf(definition: KubeObject): { group: string; plural: string; names: JsonObject } {
  const spec = objectAt(definition, "spec") ?? {};
  const names = objectAt(spec, "names") ?? {};
  return { group: String(spec["group"]), plural: String(names["plural"]), names };
}

function customResources(definition: KubeObject): CustomResource[] {
  const { group, plural, names } = namesOf(definition);
  const shortNames = Array.isArray(names["shortNames"]) ? names["shortNames"].map(String) : [];
  const spec = objectAt(definition, "spec") ?? {};
  return objectsIn(spec["versions"]).filter((version) => version["served"] === true)
    .map((version) => {
      const openApi = objectAt(version, "schema", "openAPIV3Schema") ?? {};
      return {
        group,
        plural,
        version: String(version["name"]),
        kind: String(names["kind"]),
        singular: String(names["singular"]),
        shortNames,
        namespaced: spec["scope"] === "Namespaced",
        schema: customSchema(openApi),
        openApi,
        hasStatus: objectAt(version, "subresources", "status") !== undefined,
        hasScale: false,
        hasGeneration: true,
        allowsUnconditionalUpdate: false,
        allowsCreateOnUpdate: false,
        isCustom: true,
      };
    });
}
