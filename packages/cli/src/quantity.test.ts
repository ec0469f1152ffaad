import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { bandwidth, formatSeconds, formatSize, pageSize, size } from './quantity.ts';

describe('a size', () => {
  it.each([
    ['4096', 4096],
    ['4K', 4096],
    ['2M', 2 ** 21],
    ['1.5GiB', 1.5 * 2 ** 30],
    ['3gb', 3 * 2 ** 30],
  ])('is in powers of two: %s', (text, bytes) => {
    expect(size(text)).toBe(bytes);
  });

  it.each(['', '0', '-1', '2X', 'M', '1 2'])('is not %j', (text) => {
    expect(() => size(text)).toThrow(InvalidArgumentError);
  });
});

describe('a size of pages', () => {
  it.each([
    ['4096', 4096],
    ['2M', 2 ** 21],
    ['1G', 2 ** 30],
  ])('is a power of two: %s', (text, bytes) => {
    expect(pageSize(text)).toBe(bytes);
  });

  it.each(['3', '2K', '6K', '2G', 'huge'])('is not %j', (text) => {
    expect(() => pageSize(text)).toThrow(InvalidArgumentError);
  });
});

describe('a bandwidth', () => {
  it.each([
    ['128M', 2 ** 27],
    ['128MiB/s', 2 ** 27],
    ['10Gbit', 1.25e9],
    ['800Mbps', 1e8],
    ['1000', 1000],
  ])('is bytes or bits a second: %s', (text, bytes) => {
    expect(bandwidth(text)).toBe(bytes);
  });

  it.each(['', 'fast', '0Gbit', '5 apples'])('is not %j', (text) => {
    expect(() => bandwidth(text)).toThrow(InvalidArgumentError);
  });
});

describe('in words', () => {
  it('sizes and times keep three figures', () => {
    expect([0, 2048, 5 * 2 ** 30].map(formatSize)).toEqual(['0.00 KiB', '2.00 KiB', '5.00 GiB']);
    expect([0, 4.2e-5, 0.0123, 12.34].map(formatSeconds)).toEqual([
      '0 s',
      '42.0 us',
      '12.3 ms',
      '12.3 s',
    ]);
  });
});
