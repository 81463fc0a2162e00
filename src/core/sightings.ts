/**
 * What may be believed because it was written under guard: the guard was in force when it was not there yet,
 * and is in force now that it is. What was there already at the first look under guard may be older than it.
 */
export class Sightings {
  #last: ReadonlyMap<string, boolean> | null = null;

  /**
   * One look at all that is there.
   * @param isGuarded as found out right before it
   * @returns what may be believed; it stays so from look to look, while the guard holds
   */
  look(present: readonly string[], isGuarded: boolean): ReadonlySet<string> {
    const last = this.#last;
    const believed = new Map(present.map((one) => [one, last !== null && (last.get(one) ?? true)]));
    this.#last = isGuarded ? believed : null;
    return new Set(isGuarded ? present.filter((one) => believed.get(one)) : []);
  }

  /** It has been seen not to be there since the last look: what comes in its place is new. */
  gone(one: string): void {
    if (this.#last === null) return;
    const last = new Map(this.#last);
    last.delete(one);
    this.#last = last;
  }

  /** As before the first look: nobody knows what went on meanwhile. */
  forget(): void {
    this.#last = null;
  }
}
