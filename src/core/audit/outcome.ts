/**
 * Which records tell of an end, a refusal or the log itself. They may still be written when the disk is
 * full, into space that is kept for them; what announces an act may not.
 */
const OUTCOME =
  /^(?:audit|agent)\.|\.(?:refused|renewal_refused|rejected|denied|failed|rollback_failed|rolling_back|rolled_back|succeeded|superseded|plan_changed|expired|cancelled|lost|stopped|gap)$/;

export function isOutcome(type: string): boolean {
  return OUTCOME.test(type);
}
