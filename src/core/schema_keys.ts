/** Which keys a schema allows at a path, so that a message about an unknown key can name them. */
import * as z from "zod";

type Schema = z.core.$ZodType;

/**
 * @param input what was parsed: of several variants, those count whose literals it matches
 * Empty where the schema does not say.
 */
export function allowedKeys(
  schema: Schema,
  path: readonly PropertyKey[],
  input: unknown,
): string[] {
  let candidates = variantsOf(schema, input);
  let value = input;
  for (const part of path) {
    value = isRecord(value) ? value[part as string] : undefined;
    candidates = candidates.flatMap((candidate) => {
      const inner = childOf(candidate, part);
      return inner ? variantsOf(inner, value) : [];
    });
  }
  return [...new Set(candidates.flatMap((candidate) => Object.keys(shapeOf(candidate))))];
}

/** The schemas behind defaults, transforms and unions. */
function variantsOf(schema: Schema, value: unknown): Schema[] {
  if (schema instanceof z.ZodPipe) return variantsOf(schema._zod.def.in, value);
  if (schema instanceof z.ZodUnion) {
    const options = schema._zod.def.options.flatMap((option) => variantsOf(option, value));
    const meant = options.filter((option) => agrees(option, value));
    return meant.length > 0 ? meant : options;
  }
  if (
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional || schema instanceof z.ZodNullable
  ) return variantsOf(schema._zod.def.innerType, value);
  return [schema];
}

function childOf(schema: Schema, part: PropertyKey): Schema | undefined {
  if (schema instanceof z.ZodArray) return schema._zod.def.element;
  if (schema instanceof z.ZodRecord) return schema._zod.def.valueType;
  return shapeOf(schema)[String(part)];
}

function shapeOf(schema: Schema): Readonly<Record<string, Schema>> {
  return schema instanceof z.ZodObject ? schema._zod.def.shape : {};
}

function agrees(schema: Schema, value: unknown): boolean {
  return isRecord(value) &&
    Object.entries(shapeOf(schema)).every(([key, field]) =>
      !(field instanceof z.ZodLiteral) ||
      field._zod.def.values.includes(value[key] as z.core.util.Literal)
    );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
