// Of measurements: their median, or any other quantile.

/** NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * q)] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);
