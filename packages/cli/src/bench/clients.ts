// What a second and a third client of the dirty log cost: the harvest that tells them, and each one's own taking. A fault
// should not know how many they are.
import { createVm } from '@faultline/machine';
import { PAGE_SIZE } from '@faultline/mmu';
import { nanoseconds } from '../table.ts';
import type { Bar } from './bar.ts';
import { median } from './quantile.ts';

/** Few: what takes a millisecond is seldom interrupted on a busy machine. */
const PAGES = 4096;
const CLIENTS = [1, 2, 3] as const;
const TURNS = 101;

/** Medians over turns, nanoseconds per dirty page. */
export interface ClientTimes {
  readonly clients: number;
  /** One harvest, and what each client takes. */
  readonly takeNs: number;
  /** A store that the log write-protected. */
  readonly faultNs: number;
}

/**
 * VMs with 1, 2 and 3 clients take turns, each of them first in a third: a turn is about as long as a time slice, and would
 * otherwise be interrupted at the same VM again and again. The first turns warm up and do not count.
 */
export function timeClients(): ClientTimes[] {
  const guests = CLIENTS.map(newGuest);
  const turns = Array.from({ length: TURNS + 3 }, (_, turn) => {
    const order = guests.map((_guest, place) => (turn + place) % guests.length);
    const times = new Map(order.map((guest) => [guest, guests[guest]?.()]));
    return guests.map((_guest, guest) => times.get(guest));
  }).slice(3);
  return CLIENTS.map((clients, guest) => {
    const times = turns.map((turn) => turn[guest] as ClientTimes);
    return {
      clients,
      takeNs: median(times.map(({ takeNs }) => takeNs)),
      faultNs: median(times.map(({ faultNs }) => faultNs)),
    };
  });
}

/** A VM whose pages are all write-protected; called, it stores to each, and lets its clients take them. */
function newGuest(clients: number): () => ClientTimes {
  const vm = createVm({ memory: PAGES * PAGE_SIZE, dirtyClients: clients });
  const vcpu = vm.vcpu(0);
  const open = Array.from({ length: clients }, (_, client) => vm.dirtyClient(`bench ${client}`));
  return () => {
    const from = performance.now();
    for (let page = 0; page < PAGES; page++) vcpu.write32(page * PAGE_SIZE, page);
    const written = performance.now();
    const taken = open.map((client) => client.take().length);
    const to = performance.now();
    if (!taken.every((pages) => pages === PAGES)) {
      throw new Error(`expected ${PAGES} dirty pages for each client, got ${taken.join(', ')}`);
    }
    const perPage = (ms: number): number => (ms * 1e6) / PAGES;
    return { clients, takeNs: perPage(to - written), faultNs: perPage(written - from) };
  };
}

export function clientBars(times: readonly ClientTimes[]): Bar[] {
  const one = times[0];
  const most = times.at(-1);
  if (one === undefined || most === undefined) return [];
  const more = times.slice(1).map(({ clients, takeNs }) => ({
    name: `harvest and take, ${clients} dirty clients : 1`,
    value: takeNs / one.takeNs,
    detail: `${nanoseconds(takeNs)} : ${nanoseconds(one.takeNs)} a page`,
  }));
  const fault = {
    name: `store that faults, ${most.clients} dirty clients : 1`,
    value: most.faultNs / one.faultNs,
    detail: `${nanoseconds(most.faultNs)} : ${nanoseconds(one.faultNs)}`,
  };
  return [...more, fault];
}
