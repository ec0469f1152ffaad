// Guests on real threads that stand still, leave and arrive; the copy between the two is made by the test.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  faultInHostPage,
  type Hvn,
  hostPtePfn,
  hostPtep,
  isHostPteEmpty,
  markMissing,
  pageBase,
} from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { decodeState, type GuestMachine, parseMachine } from './guest-state.ts';
import type { GuestName } from './guests/guests.ts';
import { countDifferences } from './migration.ts';
import {
  type ArrivingMachine,
  type RunningGuest,
  receiveGuest,
  startGuest,
} from './running-guest.ts';

const PAGES = 64;
const VCPUS = 2;
const timeout = 30_000;

const start = (name: GuestName): Promise<RunningGuest> =>
  startGuest(name, { vcpus: VCPUS, pages: PAGES });
const arrive = (source: RunningGuest): ArrivingMachine =>
  receiveGuest(parseMachine(source.name) as GuestMachine, PAGES);

function differences({ mem, machine }: RunningGuest): number {
  let wrong = 0;
  for (let hvn = 0; hvn < PAGES; hvn++) {
    wrong += countDifferences(mem, machine.vm, hvn as Hvn, machine.ledger);
  }
  return wrong;
}

/** What is in memory, without anybody's log or ledger. */
function copyMemory({ mem, machine: { vm } }: RunningGuest, to: ArrivingMachine): void {
  for (let hvn = 0; hvn < PAGES; hvn++) {
    const pte = mem.load32(hostPtep(vm, hvn as Hvn));
    if (isHostPteEmpty(pte)) continue;
    const target = hostPtePfn(faultInHostPage(to.mem, to.machine.vm, hvn as Hvn, true));
    to.mem
      .guestBytes(pageBase(to.machine.vm, target), vm.pageWords)
      .set(mem.guestBytes(pageBase(vm, hostPtePfn(pte)), vm.pageWords));
  }
}

describe('a guest that is paused', { timeout }, () => {
  it('stands between two touches: all that it stored is in memory, and nothing else', async () => {
    const guest = await start('random');
    for (let times = 0; times < 20; times++) {
      guest.pause();
      const state = guest.deviceState();
      expect([guest.isPaused, differences(guest)]).toEqual([true, 0]);
      await sleep(1);
      expect(guest.deviceState()).toEqual(state);
      guest.resume();
    }
    expect(await guest.stop()).toMatchObject({ ok: true });
  });

  it('goes on when it is resumed', async () => {
    const guest = await start('random');
    guest.pause();
    const before = decodeState(guest.deviceState(), VCPUS);
    guest.resume();
    await expect
      .poll(() => decodeState(guest.deviceState(), VCPUS).every((n, at) => n > (before[at] ?? 0)))
      .toBe(true);
    await guest.stop();
  });

  it('comes to its end when it is stopped', async () => {
    const guest = await start('key-value');
    guest.pause();
    expect(await guest.stop()).toMatchObject({ ok: true });
  });

  it('is not waited for while it sleeps off its share', async () => {
    const guest = await start('random');
    guest.throttle(99);
    await sleep(50);
    guest.pause();
    expect(differences(guest)).toBe(0);
    await guest.stop();
  });
});

describe('a guest that arrives', { timeout }, () => {
  it.each(['sequential', 'zipf', 'framebuffer', 'key-value', 'ksm'] as const)(
    'makes its touches anew in the ledger, and is then what it was: %s',
    async (name) => {
      const source = await startGuest(name, { vcpus: VCPUS, pages: PAGES });
      await sleep(20);
      source.pause();
      const there = receiveGuest(parseMachine(source.name) as GuestMachine, PAGES);
      await there.loadState(source.deviceState());
      const [here, other] = [source, there].map(({ machine }) =>
        Buffer.from(machine.ledger.buffer),
      );
      expect(Buffer.compare(here as Buffer, other as Buffer)).toBe(0);
      await Promise.all([source.stop(), there.abandon()]);
    },
  );

  it('goes on in the memory that came', async () => {
    const source = await start('key-value');
    const there = arrive(source);
    there.previewState(source.deviceState());
    await sleep(10);
    source.pause();
    copyMemory(source, there);
    await there.loadState(source.deviceState());
    there.run();
    await sleep(20);
    const end = await there.stop();
    expect(end).toMatchObject({ ok: true, wrongWords: 0, lostWrites: [] });
    expect(end.touches).toBeGreaterThan(0);
    await source.stop();
  });

  it('finds a word that was lost on the way', async () => {
    const source = await start('sequential');
    await sleep(20);
    source.pause();
    const there = arrive(source);
    copyMemory(source, there);
    const { mem, machine } = there;
    const word = machine.vm.pageWords - 1;
    const pfn = hostPtePfn(mem.load32(hostPtep(machine.vm, 3 as Hvn)));
    mem.guestStore(pageBase(machine.vm, pfn) + word, 0xbad);
    await there.loadState(source.deviceState());
    const { ok, wrongWords } = await there.stop();
    expect([ok, wrongWords]).toEqual([false, 1]);
    await source.stop();
  });

  it('can be given up while it waits for pages', async () => {
    const source = await start('random');
    const there = arrive(source);
    source.pause();
    await there.loadState(source.deviceState());
    markMissing(there.mem, there.machine.vm, 0 as Hvn, PAGES);
    there.run();
    await sleep(20);
    await there.abandon();
    await source.stop();
  });

  it('is refused with a state that is not its own', async () => {
    const source = await start('random');
    const there = arrive(source);
    await expect(there.loadState(Uint8Array.of(1))).rejects.toThrow('expected 8 bytes of state');
    await Promise.all([there.abandon(), source.stop()]);
  });
});
