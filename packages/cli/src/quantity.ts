// Sizes and bandwidths, in words and from words: suffixes as QEMU and KVM's selftests take them.
import { InvalidArgumentError } from 'commander';
import { figure } from './table.ts';

const FACTORS: Readonly<Record<string, number>> = {
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};
const BITS: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** `4096`, `4K`, `2M`, `64GiB`: bytes, in powers of two. */
export function size(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim()) ?? [];
  const bytes = Number(number) * (FACTORS[unit.toUpperCase()] ?? 1);
  if (bytes > 0) return bytes;
  throw new InvalidArgumentError('expected a size such as 4096, 2M or 64GiB.');
}

/** A size that pages can have: a power of two from 4K to 1G. */
export function pageSize(text: string): number {
  const bytes = size(text);
  if (Number.isInteger(Math.log2(bytes)) && bytes >= 2 ** 12 && bytes <= 2 ** 30) return bytes;
  throw new InvalidArgumentError('expected a power of two from 4K to 1G.');
}

/** A size for each second, `100M`; or `10Gbit`: in powers of ten, as networks have it. Bytes a second. */
export function bandwidth(text: string): number {
  const [, number, unit = ''] =
    /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:bit|bps)(?:\/s)?$/i.exec(text.trim()) ?? [];
  const bytes = (Number(number) * (BITS[unit.toUpperCase()] ?? 1)) / 8;
  if (bytes > 0) return bytes;
  try {
    return size(text.trim().replace(/\/s$/, ''));
  } catch {
    throw new InvalidArgumentError('expected bytes a second such as 128M, or bits such as 10Gbit.');
  }
}

/** `12.3 MiB`. */
export function formatSize(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${figure(value)} ${units[unit]}`;
}

export const formatBandwidth = (bytesPerSecond: number): string =>
  `${formatSize(bytesPerSecond)}/s`;

/** `12.3 s`, `45.6 ms`, `78.9 us`. */
export function formatSeconds(seconds: number): string {
  if (seconds === 0) return '0 s';
  if (seconds >= 1) return `${figure(seconds)} s`;
  return seconds >= 1e-3 ? `${figure(seconds * 1e3)} ms` : `${figure(seconds * 1e6)} us`;
}
