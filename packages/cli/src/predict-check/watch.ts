// A guest that is watched, without being migrated, by a client of the dirty log.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Harvest, WriteWindow } from '@faultline/trace';
import type { PacedGuest } from './paced-guest.ts';

const WATCH_MS = 2000;
const HARVEST_MS = 25;

export interface Watched {
  readonly windows: readonly WriteWindow[];
  readonly harvests: readonly Harvest[];
}

/** Harvest after harvest; when in its window a page was written, nobody says: evenly, then. */
export async function watch({ vm }: PacedGuest): Promise<Watched> {
  const client = vm.dirtyClient('predict-check');
  const windows: WriteWindow[] = [];
  const harvests: Harvest[] = [];
  const from = performance.now();
  for (let begin = from; begin < from + WATCH_MS; ) {
    await sleep(HARVEST_MS);
    const asked = performance.now();
    const gfns = client.take();
    const now = performance.now();
    harvests.push({ pages: gfns.length, seconds: (now - asked) / 1000 });
    const seconds = (now - begin) / 1000;
    windows.push({
      migration: 0,
      begin: begin / 1000,
      seconds,
      gfns,
      delays: gfns.map((_, i) => ((i + 1) / gfns.length) * seconds),
      dirty: gfns.length,
      isLast: false,
    });
    begin = now;
  }
  client.close();
  return { windows, harvests };
}
