// Result: Never (use after free); with each of the mistakes below: Sometimes.
//
// The legacy MMU frees a table while a fast path walks it: no grace period, only a flush, which waits for whoever says
// READING_SHADOW_PAGE_TABLES.
// Source: KVM's walk_shadow_page_lockless_begin() and kvm_mmu_commit_zap_page(); c142786c6291 (May 2012).
import {
  MODE_STATE,
  makeRequest,
  modeAddress,
  requestsAddress,
  type Shared,
  waitUntilSeen,
} from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  childTable,
  commitZapPage,
  entryAt,
  flushRemoteTlbs,
  gfnToGpa,
  IN_GUEST_MODE,
  isShadowPresent,
  KVM_REQ_TLB_FLUSH,
  OUTSIDE_GUEST_MODE,
  prepareZapPage,
  READING_SHADOW_PAGE_TABLES,
  type Vcpu,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { litmusesOf } from '../protocol.ts';
import { race } from '../setting.ts';
import { gfn0, harvestAll, touch } from '../small-vm.ts';
import { fastPageFaultIn, shippedWalk, type Walk } from './walker.ts';

const VCPU = 0;
const WRITE_PROTECTED = 7;

interface Handshake {
  readonly begin: Walk['begin'];
  /** Frees tables that were unlinked, with mmu_lock held. */
  readonly free: (mem: Shared, vm: Vm, tables: number[]) => void;
}

const rootEntry = (vm: Vm) => entryAt(vm, vm.roots[0], gfn0, vm.geometry.levels);

const zapTable =
  ({ free }: Handshake) =>
  (mem: Shared, vm: Vm): void => {
    const invalid: number[] = [];
    mem.writeLock(vm.at.mmu_lock);
    prepareZapPage(mem, vm, childTable(vm, mem.load64(rootEntry(vm))), invalid);
    free(mem, vm, invalid);
    mem.writeUnlock(vm.at.mmu_lock);
  };

/** One write-protection fault, as hardware reported it; what it could not repair is nobody's business here. */
const fault =
  ({ begin }: Handshake) =>
  (mem: Shared, vm: Vm, vcpu: Vcpu) => {
    Object.assign(vcpu.fault, { gfn: gfn0, addr: gfnToGpa(gfn0), error_code: WRITE_PROTECTED });
    vcpu.fault.slot = vcpu.fault.memslots.last;
    return fastPageFaultIn({ ...shippedWalk, begin })(mem, vm, vcpu.fault);
  };

const program = (name: string, parts: Handshake): Program =>
  race({
    name,
    vm: { mmu: 'legacy', geometry: { levels: 2, indexBits: 1 }, hostPages: 1, pageFrames: 1 },
    setup(mem, vm) {
      touch(mem, vm, gfn0);
      harvestAll(mem, vm);
    },
    vcpus: [fault(parts)],
    agents: { zapper: zapTable(parts) },
    sometimes: {
      'a vCPU is asked while it walks': (mem) =>
        (mem.load32(modeAddress(VCPU)) & MODE_STATE) === READING_SHADOW_PAGE_TABLES &&
        mem.load32(requestsAddress(VCPU)) !== 0,
    },
    finally: {
      'the table is gone': (mem, vm) => !isShadowPresent(mem.load64(rootEntry(vm))),
    },
    oops: 'the fast path is in a table that is something else by now',
  });

const freeAll = (mem: Shared, tables: number[]): void => {
  for (const table of tables.splice(0)) mem.free(table);
};

export const LOCKLESS_WALK: readonly Litmus[] = litmusesOf({
  source:
    'KVM commit c142786c6291 (May 2012); walk_shadow_page_lockless_begin(), kvm_mmu_commit_zap_page()',
  rule:
    'The walker stores READING, then looks at its requests, then walks; the freer unlinks, makes the request, then looks at ' +
    'the mode, and frees when it has been OUTSIDE.',
  links: ['https://git.kernel.org/linus/c142786c6291'],
  program,
  holds: {
    'lockless-walk': {
      title: 'A table is zapped and freed while a fast path walks without a lock',
      story:
        'Either the freer sees that the vCPU reads page tables, and waits; or the vCPU said so after that look, hence after ' +
        'the table was unlinked, and cannot reach it.',
      parts: { begin: shippedWalk.begin, free: commitZapPage },
    },
  },
  breaks: {
    'lockless-walk-not-waited-for': {
      title: 'The freer waits for vCPUs in the guest, not for those that read page tables',
      violates: 'use after free',
      story: 'The vCPU has left the guest, so its TLB is of no concern; but it is in the table.',
      fix: 'Wait for every vCPU that is not OUTSIDE_GUEST_MODE.',
      parts: {
        free(mem, _vm, tables) {
          makeRequest(mem, VCPU, KVM_REQ_TLB_FLUSH);
          const mode = mem.load32(modeAddress(VCPU)) & MODE_STATE;
          if (mode === IN_GUEST_MODE) waitUntilSeen(mem, VCPU);
          freeAll(mem, tables);
        },
      },
    },
    'lockless-walk-frees-before-flush': {
      title: 'The table is freed first, and the TLBs are flushed afterwards',
      violates: 'use after free',
      story: 'Nothing leads to the table any more, but the vCPU got into it before.',
      fix: 'Flush, which waits, then free.',
      parts: {
        free(mem, vm, tables) {
          freeAll(mem, tables);
          flushRemoteTlbs(mem, vm);
        },
      },
    },
    'lockless-walk-mode-stored-plainly': {
      title: 'READING is stored plainly: it waits in the store buffer while the vCPU walks',
      violates: 'use after free',
      models: ['tso'],
      story:
        'The processor loads the entry above before others see its mode. The freer unlinks, asks, finds the vCPU outside ' +
        'and frees.',
      fix: 'A full barrier between the store of the mode and the walk: smp_store_mb().',
      parts: {
        begin(mem, _vm, { mode }) {
          mem.enterRead();
          // Out of the guest, and seen so; then as setMode(), but for the store.
          mode.word = ((mode.word | MODE_STATE) + 1) | OUTSIDE_GUEST_MODE;
          mem.store32(mode.address, mode.word);
          mode.word = ((mode.word | MODE_STATE) + 1) | READING_SHADOW_PAGE_TABLES;
          mem.storePlain32(mode.address, mode.word);
          return true;
        },
      },
    },
  },
});
