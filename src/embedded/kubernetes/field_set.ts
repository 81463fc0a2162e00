/**
 * A set of field paths, as server-side apply keeps one per manager. It is a tree in the shape of
 * FieldsV1: edges are path elements (`f:name`, `k:{…}`, `v:…`), a node may itself be a member.
 */
import { isObject, type JsonObject } from "./json.ts";

export type PathElement = string;

export class FieldSet {
  constructor(
    readonly member: boolean = false,
    readonly children: ReadonlyMap<PathElement, FieldSet> = new Map(),
  ) {}

  get isEmpty(): boolean {
    return !this.member && this.children.size === 0;
  }

  child(element: PathElement): FieldSet {
    return this.children.get(element) ?? EMPTY;
  }

  asMember(): FieldSet {
    return this.member ? this : new FieldSet(true, this.children);
  }

  union(other: FieldSet): FieldSet {
    const elements = new Set([...this.children.keys(), ...other.children.keys()]);
    return fieldSet(
      this.member || other.member,
      elements,
      (element) => this.child(element).union(other.child(element)),
    );
  }

  /** Members of this set that are not, at exactly the same path, members of the other. */
  difference(other: FieldSet): FieldSet {
    return fieldSet(
      this.member && !other.member,
      this.children.keys(),
      (element) => this.child(element).difference(other.child(element)),
    );
  }

  intersection(other: FieldSet): FieldSet {
    return fieldSet(
      this.member && other.member,
      this.children.keys(),
      (element) => this.child(element).intersection(other.child(element)),
    );
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty && other.difference(this).isEmpty;
  }

  /**
   * Every member, written as the API server writes it: `.spec.containers[name="web"].image`. At each level
   * the members come first, and then what lies below.
   */
  paths(prefix = ""): string[] {
    const sorted = [...this.children].sort(([a], [b]) => a < b ? -1 : 1);
    const pathOf = (element: PathElement) => prefix + formatElement(element);
    const members = sorted.filter(([, set]) => set.member).map(([element]) => pathOf(element));
    return [...members, ...sorted.flatMap(([element, set]) => set.paths(pathOf(element)))];
  }

  toFieldsV1(): JsonObject {
    const fields: JsonObject = {};
    if (this.member && this.children.size > 0) fields["."] = {};
    for (const element of [...this.children.keys()].sort()) {
      fields[element] = this.child(element).toFieldsV1();
    }
    return fields;
  }

  static fromFieldsV1(fields: JsonObject, isRoot = true): FieldSet {
    const children = new Map<PathElement, FieldSet>();
    for (const [element, below] of Object.entries(fields)) {
      if (element !== "." && isObject(below)) {
        children.set(element, FieldSet.fromFieldsV1(below, false));
      }
    }
    const isLeaf = children.size === 0 && !isRoot;
    return new FieldSet(isLeaf || Object.hasOwn(fields, "."), children);
  }
}

export const EMPTY = new FieldSet();
export const LEAF = new FieldSet(true);

/** Builds a node from what `descend` gives for each element; empty branches vanish. */
export function fieldSet(
  member: boolean,
  elements: Iterable<PathElement>,
  descend: (element: PathElement) => FieldSet,
): FieldSet {
  const children = new Map<PathElement, FieldSet>();
  for (const element of elements) {
    const child = descend(element);
    if (!child.isEmpty) children.set(element, child);
  }
  return new FieldSet(member, children);
}

/** One step of a path as conflict messages write it. */
export function formatElement(element: PathElement): string {
  const body = element.slice(2);
  if (element.startsWith("f:")) return `.${body}`;
  if (element.startsWith("v:")) return `[=${body}]`;
  const keys = Object.entries(JSON.parse(body) as JsonObject);
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
}
