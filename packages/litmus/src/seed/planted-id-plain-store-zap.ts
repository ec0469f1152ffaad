// Result: Sometimes
//
// A vCPU plants its id by a plain store of the whole word, and resurrects an spte that was zapped.
// Source: "[PATCH 00/13] KVM: MMU: fast page fault", March 2012, which speaks of a store to the last bits only; the zap is ours.
import { barrier, fastPath, plantByStore } from '../historical/v1.ts';
import type { Litmus } from '../litmus.ts';
import { zapAgainst } from './planted-id-program.ts';

export const plantedIdPlainStoreZap: Litmus = {
  name: 'planted-id-plain-store-zap',
  title: 'A vCPU plants its id by a plain store of the whole word, over a zap.',
  result: 'Sometimes',
  violates: 'a freed page is mapped nowhere',
  source: '"[PATCH 00/13] KVM: MMU: fast page fault", 29 March 2012, with a zap beside it',
  story:
    'The vCPU reads the spte. The notifier zaps it and gives the page back. The vCPU stores what it read, with its id: the ' +
    'mapping is there again, and the cmpxchg that follows makes it writable.',
  fix: 'Plant by cmpxchg, or store to the byte of the id alone.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  pair: 'planted-id-zap',
  program: () =>
    zapAgainst('planted-id-plain-store-zap', (id) => fastPath(id, plantByStore, barrier)),
};
