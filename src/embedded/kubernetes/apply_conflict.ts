/** The 409 that server-side apply answers, naming each owner and field as the real server does. */
import { ApiError } from "./api_error.ts";
import type { FieldConflict, Manager } from "./ownership.ts";

export function applyConflict(conflicts: readonly FieldConflict[]): ApiError {
  const causes = conflicts.map(({ owner, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${describe(owner)}`,
    field: path,
  }));
  return new ApiError(409, "Conflict", summarize(conflicts), { causes });
}

function summarize(conflicts: readonly FieldConflict[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${describe(first!.owner)}: ${first!.path}`;
  }
  const byOwner = Map.groupBy(conflicts, ({ owner }) => describe(owner));
  const parts = [...byOwner].sort(([a], [b]) => a < b ? -1 : 1).map(([owner, fields]) =>
    `conflicts with ${owner}:\n${fields.map(({ path }) => `- ${path}`).join("\n")}`
  );
  return `Apply failed with ${conflicts.length} conflicts: ${parts.join("\n")}`;
}

function describe(owner: Manager): string {
  const name = JSON.stringify(owner.name) +
    (owner.subresource ? ` with subresource ${JSON.stringify(owner.subresource)}` : "");
  return owner.operation === "Update" ? `${name} using ${owner.apiVersion}` : name;
}
