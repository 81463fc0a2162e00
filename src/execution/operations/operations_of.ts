/**
 * The operations that a package stands for, in its own order; only that among apply actions that follow
 * one another namespaces and definitions come first.
 */
import { inApplyOrder, prerequisitesOf } from "../../core/apply_order.ts";
import type { KubeObject } from "../../core/kubernetes_object.ts";
import type { Action, WorkPackage } from "../../core/work_package.ts";
import { applyOperation } from "./apply.ts";
import { deleteOperation } from "./delete.ts";
import { fileOperation } from "./file.ts";
import type { Operation, OperationContext } from "./operation.ts";
import { restartOperation, scaleOperation } from "./patch_field.ts";

export function operationsOf(workPackage: WorkPackage, context: OperationContext): Operation[] {
  const applied: KubeObject[] = [];
  const applyAll = (objects: readonly KubeObject[]) =>
    inApplyOrder(objects).map((object) => {
      const operation = applyOperation(object, context, prerequisitesOf(object, applied));
      applied.push(object);
      return operation;
    });
  let pending: KubeObject[] = [];
  const operations: Operation[] = [];
  for (const action of workPackage.spec.actions) {
    if ("apply" in action) {
      pending.push(...action.apply.manifest);
      continue;
    }
    operations.push(...applyAll(pending), ...otherOperations(action, context));
    pending = [];
  }
  return [...operations, ...applyAll(pending)];
}

function otherOperations(
  action: Exclude<Action, { apply: unknown }>,
  context: OperationContext,
): Operation[] {
  if ("scale" in action) {
    return [scaleOperation(action.scale.ref, action.scale.replicas, context)];
  }
  if ("restart" in action) return [restartOperation(action.restart.ref, context)];
  if ("files" in action) {
    const { root, entries } = action.files;
    return entries.map((entry) => fileOperation(root, entry, context));
  }
  return action.delete.refs.map((ref) => deleteOperation(ref));
}
