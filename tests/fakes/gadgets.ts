/** A custom resource of a group of its own, and its definition. */
/** With a schema that allows small gadgets. */
export function gadgetDefinition(group: string): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gadgets.${group} }
spec:
  group: ${group}
  scope: Namespaced
  names: { plural: gadgets, singular: gadget, kind: Gadget, listKind: GadgetList }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: { type: object, properties: { size: { type: string, enum: [small] } } }`;
}

export function gadget(group: string, namespace: string, size: string): string {
  return `apiVersion: ${group}/v1
kind: Gadget
metadata: { name: one, namespace: ${namespace} }
spec: { size: ${size} }`;
}
