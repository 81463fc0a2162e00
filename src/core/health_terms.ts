/** The words in which every kind's health is told, and how a status is read. */
import { isJsonObject, type Json, type JsonObject } from "./kubernetes_object.ts";

export interface ObjectHealth {
  readonly state: "current" | "in_progress" | "failed";
  readonly message: string;
}

export type Check = (spec: JsonObject, status: JsonObject) => ObjectHealth;

export const current = (message: string): ObjectHealth => ({ state: "current", message });
export const inProgress = (message: string): ObjectHealth => ({ state: "in_progress", message });
export const failed = (message: string): ObjectHealth => ({ state: "failed", message });

export function atLeast(what: string, have: number, wanted: number): ObjectHealth {
  return have >= wanted ? current(`${have} ${what}`) : inProgress(`${have} of ${wanted} ${what}`);
}

/** The first that is not there yet; the last where all are. */
export function allOf(first: ObjectHealth, ...more: ObjectHealth[]): ObjectHealth {
  const all = [first, ...more];
  return all.find(({ state }) => state !== "current") ?? all.at(-1)!;
}

export function conditionOf(status: JsonObject, type: string): JsonObject | undefined {
  if (!Array.isArray(status.conditions)) return undefined;
  return status.conditions.filter(isJsonObject).find((condition) => condition.type === type);
}

export function numberAt(object: JsonObject, key: string): number {
  const value = object[key];
  return typeof value === "number" ? value : 0;
}

export function asObject(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

export function objectsIn(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

export function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
