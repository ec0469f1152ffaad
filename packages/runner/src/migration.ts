// Pre-copy live migration into a second VM's memory: all pages while the guest runs, then those that it wrote meanwhile,
// round after round; at the end the vCPUs stop, the rest is sent, and both memories are compared word by word.
import type { Shared } from '@faultline/atomics';
import {
  faultInHostPage,
  type Hvn,
  hostPtePfn,
  hostPtep,
  isHostPteEmpty,
  KVM_MEM_LOG_DIRTY_PAGES,
  PAGE_WORDS,
  pageBase,
  pauseVcpus,
  putPage,
  resumeVcpus,
  setMemslotFlags,
  takeDirty,
  type Vm,
} from '@faultline/mmu';
import { collectDirty, isClearedByHand, takeToCopy } from './dirty-log.ts';
import type { Region } from './machine.ts';

export interface MigrationOptions {
  /** How long the guest may stand still, in milliseconds. QEMU's and cloud-hypervisor's default. */
  readonly downtimeMs: number;
  /** Gives up convergence after so many rounds and stops the guest anyway. */
  readonly maxRounds: number;
  readonly now: () => number;
  /** Called when logging has begun, after each round, and at the end while it is still on. */
  readonly began?: () => void;
  readonly sent?: () => void;
  readonly ending?: () => void;
}

export interface MigrationResult {
  /** Pages sent in each round; the first sends all, the last with the vCPUs stopped. */
  readonly rounds: readonly number[];
  readonly downtimeMs: number;
  /** Words that differ between source and destination, with the vCPUs still stopped: must be 0. */
  readonly differences: number;
}

/** A migration under way: it reads one of the dirty log's clients. */
export class Migration {
  readonly #mem: Shared;
  readonly #vm: Vm;
  readonly #regions: readonly Region[];
  readonly #destination: Int32Array;
  readonly #client: number;
  readonly #rounds: number[] = [];

  /** `destination` is the other VM's memory: as many words as the source's, indexed alike. */
  constructor(
    mem: Shared,
    vm: Vm,
    regions: readonly Region[],
    destination: Int32Array,
    client = 0,
  ) {
    this.#mem = mem;
    this.#vm = vm;
    this.#regions = regions;
    this.#destination = destination;
    this.#client = client;
  }

  /** The first round: everything. The slots are logged already. */
  sendAll(): number {
    // What was written before is sent with the rest. Protected now, or a log with all pages would name them all again.
    if (isClearedByHand(this.#vm)) collectDirty(this.#mem, this.#vm, this.#regions);
    for (const region of this.#regions) this.#takeToCopy(region, () => {});
    let sent = 0;
    for (const { hvn, npages } of this.#regions) {
      for (let page = hvn; page < hvn + npages; page++) {
        if (this.#send(page as Hvn)) sent++;
      }
    }
    this.#rounds.push(sent);
    return sent;
  }

  /** Harvests and sends what was written since; how many pages. */
  sendDirty(): number {
    collectDirty(this.#mem, this.#vm, this.#regions);
    return this.#sendTaken((region) => this.#takeToCopy(region, (hvn) => this.#send(hvn)));
  }

  /**
   * Sends what harvests by others have left for this client, and clears nothing: of a log that is cleared by hand it is told
   * again, by the next harvest or by whoever clears.
   */
  sendHarvested(): number {
    return this.#sendTaken(({ hvn, npages }) => {
      const range = { hvn: hvn as Hvn, npages };
      return takeDirty(this.#mem, this.#vm, range, this.#client, (page) => this.#send(page));
    });
  }

  #sendTaken(take: (region: Region) => number): number {
    const sent = this.#regions.reduce((sum, region) => sum + take(region), 0);
    this.#rounds.push(sent);
    return sent;
  }

  /** Stops the vCPUs, sends the rest, compares, and lets the source run on. */
  finish(now: () => number): MigrationResult {
    const from = now();
    pauseVcpus(this.#mem, this.#vm);
    try {
      this.sendDirty();
      const downtimeMs = now() - from;
      return { rounds: [...this.#rounds], downtimeMs, differences: this.#compare() };
    } finally {
      resumeVcpus(this.#mem, this.#vm);
    }
  }

  #takeToCopy(region: Region, visit: (hvn: Hvn) => void): number {
    return takeToCopy(this.#mem, this.#vm, region, this.#client, visit);
  }

  /** Copies one page; false where the source has none: the destination then has zeros, as the source's guest would. */
  #send(hvn: Hvn): boolean {
    const target = hvn * PAGE_WORDS;
    if (isHostPteEmpty(this.#mem.load32(hostPtep(this.#vm, hvn)))) {
      this.#destination.fill(0, target, target + PAGE_WORDS); // there may have been one before
      return false;
    }
    // With a reference: it may be merged away or copied under our hands, but not reused.
    const pfn = hostPtePfn(faultInHostPage(this.#mem, this.#vm, hvn, false));
    const base = pageBase(this.#vm, pfn);
    for (let word = 0; word < PAGE_WORDS; word++) {
      this.#destination[target + word] = this.#mem.guestLoad(base + word);
    }
    putPage(this.#mem, this.#vm, pfn);
    return true;
  }

  #compare(): number {
    let differences = 0;
    for (const { hvn, npages } of this.#regions) {
      for (let page = hvn; page < hvn + npages; page++) {
        differences += countDifferences(this.#mem, this.#vm, page as Hvn, this.#destination);
      }
    }
    return differences;
  }
}

/** Words of one page of the VMM's memory that are not what `expected` says. No vCPU runs; ksmd may. */
export function countDifferences(mem: Shared, vm: Vm, hvn: Hvn, expected: Int32Array): number {
  const isEmpty = isHostPteEmpty(mem.load32(hostPtep(vm, hvn)));
  // With a reference, as in #send: a page merged away under our hands would be compared with what a freed frame holds.
  const pfn = isEmpty ? undefined : hostPtePfn(faultInHostPage(mem, vm, hvn, false));
  const base = pfn === undefined ? -1 : pageBase(vm, pfn);
  let differences = 0;
  for (let word = 0; word < PAGE_WORDS; word++) {
    const value = base < 0 ? 0 : mem.guestLoad(base + word);
    if (value !== expected[hvn * PAGE_WORDS + word]) differences++;
  }
  if (pfn !== undefined) putPage(mem, vm, pfn);
  return differences;
}

/** A whole migration of a running guest; at the end its log is switched off again. */
export function migrate(
  mem: Shared,
  vm: Vm,
  regions: readonly Region[],
  destination: Int32Array,
  { downtimeMs, maxRounds, now, began, sent: sentRound, ending }: MigrationOptions,
): MigrationResult {
  for (const { slot } of regions) setMemslotFlags(mem, vm, slot, KVM_MEM_LOG_DIRTY_PAGES);
  began?.();
  const migration = new Migration(mem, vm, regions, destination);
  let from = now();
  let sent = migration.sendAll();
  let msPerPage = (now() - from) / Math.max(1, sent);
  // What a round sends is what the next would find at most while it is sent: when that fits in the downtime, stop.
  for (let round = 1; round < maxRounds && sent * msPerPage > downtimeMs; round++) {
    from = now();
    sent = migration.sendDirty();
    msPerPage = (now() - from) / Math.max(1, sent);
    sentRound?.();
  }
  const result = migration.finish(now);
  ending?.();
  for (const { slot } of regions) setMemslotFlags(mem, vm, slot, 0);
  return result;
}
