// The other logs of KVM, as they ship and with the mistakes that could be made in them. What KVM itself had wrong has a number
// of the catalogue, and is among the races.
import type { Litmus } from '../litmus.ts';
import { CLEAR_UNDER_READ_LOCK } from './clear-under-read-lock.ts';
import { MANUAL } from './manual.ts';
import { RING_ENTRY } from './ring-entry.ts';
import { RING_FULL } from './ring-full.ts';

export const LOGS: readonly Litmus[] = [
  ...CLEAR_UNDER_READ_LOCK,
  ...MANUAL,
  ...RING_ENTRY,
  ...RING_FULL,
];
