/** Kinds of values that several parts of the chart have. */
import { z } from "zod";

export const text = z.string().min(1);
export const int = z.int();
export const dnsLabel = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/);
export const labels = z.record(z.string(), z.string());
export const quantity = z.union([z.string().regex(/^\d+(\.\d+)?([mkKMGTPE]i?)?$/), z.number()]);
/** An object of the Kubernetes API, which the API server checks. */
export const freeObject = z.record(z.string(), z.unknown());
