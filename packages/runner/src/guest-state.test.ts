import { describe, expect, it } from 'vitest';
import {
  decodeState,
  encodeState,
  formatMachine,
  parseMachine,
  whyItStays,
} from './guest-state.ts';
import { GUESTS, type GuestName } from './guests/guests.ts';

const travellers = (Object.keys(GUESTS) as GuestName[]).filter((name) => name !== 'plug');

describe('a guest in the header of a stream', () => {
  it.each(travellers)('is known by what is said of it: %s', (name) => {
    const machine = { name, vcpus: 64 };
    expect(parseMachine(formatMachine(machine))).toEqual(machine);
    expect(formatMachine(machine).length).toBeLessThanOrEqual(64);
  });

  it.each([
    '',
    'guest nobody, vcpus 2',
    'guest toString, vcpus 2',
    'guest zipf, vcpus 0',
    'guest zipf, vcpus 65',
    'guest zipf, vcpus 2, and more',
    'guest plug, vcpus 1',
  ])('is none of ours: %j', (text) => {
    expect(parseMachine(text)).toBeUndefined();
  });

  it('stays where it is when no state says what it stored', () => {
    expect(whyItStays('plug')).toMatch(/depends on where its VMM had its memory/);
    expect(whyItStays('zipf')).toBeUndefined();
  });
});

describe('how far a guest has come', () => {
  it('is a number per vCPU', () => {
    expect(decodeState(encodeState([0, 1, 2 ** 31 - 1]), 3)).toEqual([0, 1, 2 ** 31 - 1]);
  });

  it('is of as many vCPUs as the guest has', () => {
    expect(() => decodeState(encodeState([1, 2]), 3)).toThrow(
      'expected 12 bytes of state for 3 vCPUs, got 8',
    );
  });

  it('is no more than a guest can have made', () => {
    expect(() => decodeState(encodeState([2 ** 31]), 1)).toThrow(
      'expected fewer than 2^31 batches of vCPU 0, got 2147483648',
    );
  });
});
