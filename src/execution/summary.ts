/** Many findings in one reason, which is bounded: the first few, and how many more there are. */
const MAX_NAMED = 5;

export function summarize(texts: readonly string[]): string {
  const more = texts.length - MAX_NAMED;
  return texts.slice(0, MAX_NAMED).join("; ") + (more > 0 ? `; and ${more} more` : "");
}
