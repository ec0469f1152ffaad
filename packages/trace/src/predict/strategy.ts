// The ways to get a guest across that VMMs offer, by what they change in the rounds.

export const STRATEGIES = [
  'precopy',
  'manual-clear',
  'ring',
  'auto-converge',
  'compression',
  'huge-pages',
  'postcopy',
] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** One line each, for tables. */
export const STRATEGY_NOTES: Readonly<Record<Strategy, string>> = {
  precopy: 'rounds until the rest fits; each harvest protects all it found',
  'manual-clear':
    'a page is protected just before it is sent (KVM_CLEAR_DIRTY_LOG, initially all set)',
  ring: 'a ring per vCPU: a fault more each time that it is emptied, and a stall while it is full',
  'auto-converge': "vCPUs throttled by QEMU's rule: 20 %, then 10 % more each time, 99 % at most",
  compression: 'every page smaller on the wire by the ratio',
  'huge-pages': 'huge pages not split: 2 MiB are dirty, and sent, when a byte of them is',
  postcopy: 'one round, then the guest runs at the destination and the rest follows it',
};
