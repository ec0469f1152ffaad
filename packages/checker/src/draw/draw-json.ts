// A verdict for programs. In: a verdict; out: JSON that is the same, character for character, for the same verdict:
// `schema` and `version` first, then every field, keys in alphabetical order. `version` grows when a field changes its
// meaning or goes away; new fields may come at any time.
import type { Verdict } from '../verdict.ts';

export function drawJson(verdict: Verdict): string {
  const fields = sorted(verdict) as object;
  return JSON.stringify({ schema: 'faultline/check', version: 1, ...fields }, null, 2);
}

/** Events may carry anything: a bigint becomes its decimal digits, as JSON has none. */
function sorted(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
