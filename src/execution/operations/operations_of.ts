/** The operations that a package stands for, in its own order. */
import type { WorkPackage } from "../../core/work_package.ts";
import { applyOperation } from "./apply.ts";
import { deleteOperation } from "./delete.ts";
import { fileOperation } from "./file.ts";
import type { Operation, OperationContext } from "./operation.ts";
import { restartOperation, scaleOperation } from "./patch_field.ts";

export function operationsOf(workPackage: WorkPackage, context: OperationContext): Operation[] {
  return workPackage.spec.actions.flatMap((action): Operation[] => {
    if ("apply" in action) {
      return action.apply.manifest.map((object) => applyOperation(object, context));
    }
    if ("scale" in action) {
      return [scaleOperation(action.scale.ref, action.scale.replicas, context)];
    }
    if ("restart" in action) return [restartOperation(action.restart.ref, context)];
    if ("files" in action) {
      const { root, entries } = action.files;
      return entries.map((entry) => fileOperation(root, entry, context));
    }
    return action.delete.refs.map((ref) => deleteOperation(ref));
  });
}
