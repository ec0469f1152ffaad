/** A 64-bit value as two int32 halves, as an `Spte` is; `low` holds bits 0-31. */
export interface Halves {
  readonly low: number;
  readonly high: number;
}
