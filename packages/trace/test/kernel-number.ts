// Numbers as the kernel prints them.
import type { Halves } from '../src/index.ts';

export const hex = (value: number): string => BigInt.asUintN(64, BigInt(value)).toString(16);
export const padded = (value: number | string, digits: number): string =>
  (typeof value === 'number' ? hex(value) : value).padStart(digits, '0');
export const word = ({ low, high }: Halves): string =>
  ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString(16);
export const flag = (value: boolean): string => String(Number(value));
