// docs/locking.md against the code: its words against the memory map, its order of locks against what is really done.
import { readFileSync } from 'node:fs';
import { modeAddress, type Operation, requestsAddress } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { getDirtyLog } from '../src/dirty/harvest.ts';
import { hostPtePfn } from '../src/host/host-pte.ts';
import { makeKsmPage, mergeWithKsmPage, writeProtectHostPage } from '../src/host/ksm.ts';
import { invalidateRangeEnd, invalidateRangeStart } from '../src/host/mmu-notifier.ts';
import { sharedWords, type Vm } from '../src/memory-map.ts';
import { setMemslotFlags } from '../src/vm/set-memory-region.ts';
import { ENTRIES, prepare } from './entries.ts';
import {
  type Bench,
  before,
  faultAndLeave,
  faultLock,
  hvnOf,
  itOfTdp,
  makeBenchWithSlot,
  operationsOf,
} from './fixture.ts';

const text = readFileSync(new URL('../../../docs/locking.md', import.meta.url), 'utf8');

/** The rows of the table under a heading, cell by cell. */
function tableUnder(heading: string): string[][] {
  const [, section = ''] = text.split(`## ${heading}\n`);
  const rows = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
const namesIn = (cell: string): string[] =>
  [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name as string);

/** Shared words that are not in the VM's own map: the seam's, the page tables', the guest's. */
const ELSEWHERE = ['mode', 'requests', 'spte', 'guest_memory', 'frame_pool'];

describe('the table of words in docs/locking.md', () => {
  const { vm } = makeBenchWithSlot();
  const shared = [...Object.keys(sharedWords(vm)), ...ELSEWHERE];
  const rows = tableUnder('The words');
  const documented = rows.flatMap(([word = '']) => namesIn(word));

  it('has a row for every shared word', () => {
    expect(shared.filter((word) => !documented.includes(word))).toEqual([]);
  });

  it('has no row for a word that is not shared', () => {
    expect(documented.filter((word) => !shared.includes(word))).toEqual([]);
  });

  it('has one row for each', () => {
    expect(documented.filter((word, n) => documented.indexOf(word) !== n)).toEqual([]);
  });

  it('says of each who writes it and what its readers rely on', () => {
    expect(rows.filter((row) => row.length !== 3 || row.includes(''))).toEqual([]);
  });
});

/** `a -> b` for everything that is taken or waited for while something is held. */
function orderOf(vm: Vm, thread: number, operations: readonly Operation[]): string[] {
  const LOCKS = [
    'mmu_lock',
    'slots_lock',
    'mn_invalidate_lock',
    'host_page_table_lock',
    'free_pages_lock',
  ] as const;
  const names = new Map<number, string>(LOCKS.map((lock) => [vm.at[lock], lock]));
  const others = [0, 1].filter((vcpu) => vcpu !== thread).map(requestsAddress);
  const open = vm.at.mn_active_invalidate_count;
  const held = new Set<string>();
  const order = new Set<string>();
  const take = (name: string) => {
    for (const holder of held) if (holder !== name) order.add(`${holder} -> ${name}`);
  };
  for (const { verb, address, args } of operations) {
    const lock = names.get(address);
    if (lock !== undefined && /unlock$/i.test(verb)) held.delete(lock);
    else if (lock !== undefined && /lock$/i.test(verb)) {
      take(lock);
      held.add(lock);
    } else if (verb === 'alloc' || verb === 'free') take('frame_pool');
    else if (verb === 'synchronize' || (verb === 'or32' && others.includes(address))) take('vcpus');
    else if (verb === 'waitUntil' && address === open) take('mn_active_invalidate_count');
    else if (verb === 'add32' && address === open) {
      if (args[0] === 1) held.add('mn_active_invalidate_count');
      else held.delete('mn_active_invalidate_count');
    } else if (verb === 'store32' && address === modeAddress(thread)) {
      // Who asks has to wait for this thread as long as it is not outside.
      if (((args[0] as number) & 3) !== 0) held.add('vcpus');
      else held.delete('vcpus');
    }
  }
  return [...order];
}

/** What only a race does. */
const RACES: { thread: number; run: (bench: Bench) => Operation[] }[] = [
  {
    // The slots are replaced while an invalidation is open.
    thread: 2,
    run: ({ agent, mems, vm }) => {
      const end = () => invalidateRangeEnd(mems[3] as typeof agent, vm, hvnOf(3), 1);
      const raced = before(agent, { verb: 'waitUntil' }, end);
      invalidateRangeStart(mems[3] as typeof agent, vm, hvnOf(3), 1);
      return operationsOf(raced, (mem) => setMemslotFlags(mem, vm, 0, 1));
    },
  },
  {
    // A fault holds the last reference to a page that is merged away under it.
    thread: 0,
    run: (bench) => {
      const { agent, mems, vm, guests } = bench;
      for (const gfn of [3, 9]) guests[1].write(gfn, 7);
      const kept = writeProtectHostPage(agent, vm, hvnOf(3));
      makeKsmPage(agent, vm, hvnOf(3), kept);
      const other = writeProtectHostPage(agent, vm, hvnOf(9));
      const raced = before(mems[0] as typeof agent, { verb: faultLock() }, () => {
        mergeWithKsmPage(agent, vm, hvnOf(9), other, hostPtePfn(kept));
      });
      return operationsOf(raced, (mem) => faultAndLeave(bench, 9, { mem, write: false }));
    },
  },
  {
    // A harvest with pages to protect, of tables in more than one place.
    thread: 2,
    run: ({ agent, vm, guests }) => {
      setMemslotFlags(agent, vm, 0, 1);
      for (const gfn of [1, 14]) guests[0].write(gfn, 7);
      return operationsOf(agent, (mem) => getDirtyLog(mem, vm, 0));
    },
  },
];

describe('the order of locks in docs/locking.md', () => {
  const done = new Set<string>();
  for (const entry of ENTRIES) {
    const { mem, run, vm } = prepare(entry);
    for (const pair of orderOf(vm, mem.thread, operationsOf(mem, run))) done.add(pair);
  }
  for (const { thread, run } of RACES) {
    const bench = makeBenchWithSlot();
    for (const pair of orderOf(bench.vm, thread, run(bench))) done.add(pair);
  }
  const documented = tableUnder('The order of locks').flatMap(([held = '', taken = '']) =>
    namesIn(taken).map((name) => `${namesIn(held)[0]} -> ${name}`),
  );

  it('names every lock that is taken, or waited for, under another', () => {
    expect([...done].filter((pair) => !documented.includes(pair))).toEqual([]);
  });

  itOfTdp('names nothing that is not done', () => {
    expect(documented.filter((pair) => !done.has(pair))).toEqual([]);
  });

  it('has no circle', () => {
    const next = (name: string): string[] =>
      documented
        .map((pair) => pair.split(' -> '))
        .flatMap(([from, to]) => (from === name ? [to as string] : []));
    const reach = (from: string, seen: readonly string[]): string[] =>
      seen.includes(from)
        ? [[...seen, from].join(' -> ')]
        : next(from).flatMap((name) => reach(name, [...seen, from]));
    expect(documented.flatMap((pair) => reach(pair.split(' -> ')[0] as string, []))).toEqual([]);
  });
});
