// What may differ between the kernel and a replay by one thread without either being wrong, and what a trace leaves open.
// docs/replay.md has a paragraph for each; each has a test in which it fires and one in which it must not.

import {
  isAccessAllowed,
  isLastSpte,
  isMmioSpte,
  isShadowPresent,
  KVM_PFN_NOSLOT,
  type KvmTdpMmuSpteChanged,
  leadsToTable,
  mmioSpteGeneration,
  PFERR_WRITE_MASK,
  PT_DIRTY_MASK,
  PT_WRITABLE_MASK,
} from '@faultline/mmu';
import type { TraceBody } from '../trace-event.ts';

/** A difference that one of these covers is explained; all others are not. */
export const RULES = {
  'kept-leaf':
    'a second fault on the same page: 6.12 replaces the leaf by one without D, this MMU keeps it, as 6.13 does',
  'logging-begins':
    'written while logging was being switched on: whether the vCPU knew of it yet is not in the trace',
  'memslots-in-update':
    'a fault without memory while memslots are replaced: KVM leaves an MMIO spte that is stale at once, this MMU none',
  'lost-exchange': 'a fault lost an exchange to another, which one thread never does',
  'harvest-untraced':
    'the legacy MMU tells of no protection: a page written meanwhile is in the harvest if it was got',
  'concurrent-tables':
    'two faults wanted the same table: which of them linked it is told in another order',
  'retried-unseen':
    'the fault ended without a decision, and no invalidation is known to have been open',
} as const;
export type Rule = keyof typeof RULES;

/**
 * Is it of a fault that leaves an MMIO spte of the generation that is about to end? `kvm_gen`: that generation, as KVM counts.
 */
export function isOfStaleMmio(body: TraceBody, kvm_gen: number): boolean {
  if (body.event === 'mark_mmio_spte') return body.gen === kvm_gen;
  if (body.event === 'kvm_mmu_spte_requested') return body.pfn === KVM_PFN_NOSLOT;
  if (body.event !== 'kvm_tdp_mmu_spte_changed') return false;
  const { low, high } = body.new_spte;
  if (isMmioSpte(low, high)) return mmioSpteGeneration(low, high) === kvm_gen;
  return body.level > 1 && leadsToTable(low) && !isShadowPresent(body.old_spte.low);
}

/**
 * Does the kernel replace a leaf that already allowed the access? The same page, with all rights that it had: without D when
 * it was writable, with W when it had been protected since the fault.
 */
export function isKeptLeaf(
  {
    old_spte: old,
    new_spte: now,
    level,
  }: Pick<KvmTdpMmuSpteChanged, 'old_spte' | 'new_spte' | 'level'>,
  errorCode: number,
): boolean {
  if (!isShadowPresent(old.low) || !isLastSpte(old.low, level)) return false;
  if (!isAccessAllowed(old.low, (errorCode & PFERR_WRITE_MASK) !== 0)) return false;
  const rights = PT_WRITABLE_MASK | PT_DIRTY_MASK;
  return old.high === now.high && ((old.low ^ now.low) & ~rights) === 0;
}

/** What is not replayed, by why. */
export const LEFT_OUT = {
  'nested-guest':
    'faults of a nested guest: they go to tables that shadow those of the guest, which this MMU has not',
} as const;
export type LeftOut = keyof typeof LEFT_OUT;

/** Conclusions that let a replay go on; what is compared afterwards has to agree all the same. */
export const INFERENCES = {
  'hardware-a-d': 'A or D is set where it was not: hardware sets them and tells nobody',
  'told-late': 'an event was told after another that follows from it: the change came first',
  'lock-taken-late':
    'a notifier that zaps nothing had mmu_lock after another that withdrew the same pages',
  'generation-told':
    'memslots are published after the last event that shows those before, and used by all when their generation is told',
  'withdrawn-meanwhile':
    'a fault without a decision looked at the sequence number where it began, and had mmu_lock where it ended',
  'invalidation-ended':
    'an invalidation has no event for its end: it ended before the range was mapped again',
} as const;
export type Inference = keyof typeof INFERENCES;
