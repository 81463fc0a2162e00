/** A package that makes a namespace and a kind, and uses both; in the order in which nobody could. */
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import { parseWorkPackage, type WorkPackage } from "../../../src/core/work_package.ts";

/** @param size of its one custom resource; `small` and `large` are allowed */
export function parsePackageObjects(id: string, size: string): WorkPackage {
  return parseWorkPackage(encodeUtf8(packageText(id, size)));
}

function packageText(id: string, size: string): string {
  const group = `g${id}.example.org`;
  return `apiVersion: neuralops.io/v1
kind: WorkPackage
metadata: { name: test, stream: test, sequence: 1 }
spec:
  target: { clusterIds: [c] }
  notBefore: 2026-01-01T00:00:00Z
  expiresAt: 2027-01-01T00:00:00Z
  risk: low
  reason: test
  actions:
    - apply:
        manifest: |
          apiVersion: ${group}/v1
          kind: Gadget
          metadata: { name: one, namespace: made-${id} }
          spec: { size: ${size} }
          ---
          apiVersion: v1
          kind: ConfigMap
          metadata: { name: c, namespace: made-${id} }
          data: { a: "1" }
    - apply:
        manifest: |
          apiVersion: v1
          kind: Namespace
          metadata: { name: made-${id} }
          ---
          apiVersion: apiextensions.k8s.io/v1
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
                      spec:
                        type: object
                        properties: { size: { type: string, enum: [small, large] } }
`;
}
