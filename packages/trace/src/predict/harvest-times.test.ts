import { describe, expect, it } from 'vitest';
import { parseLines } from '../../test/parse-text.ts';
import { PageChanges } from '../page-change.ts';
import { HarvestTimes } from './harvest-times.ts';

const line = (time: number, event: string, thread = 'vmm-100'): string =>
  `           ${thread}     [002] .....     ${(time / 1e6).toFixed(6)}: ${event}`;
const mark = (time: number, marker: object): string =>
  line(time, `tracing_mark_write: ${JSON.stringify(marker)}`);
const ioctl = (time: number, cmd: string): string =>
  line(time, `sys_ioctl(fd: 5, cmd: ${cmd}, arg: 7ffd569c6370)`);
const protect = (time: number, gfn: number, thread?: string): string =>
  line(
    time,
    `kvm_tdp_mmu_spte_changed: as id 0 gfn ${gfn.toString(16)} level 1 old_spte 123ab7e67 new_spte 123ab7e65`,
    thread,
  );
const GET = '4010ae42';
const CLEAR = 'c018aec0';
const KVM_RUN = 'ae80';

function timesOf(...lines: string[]): HarvestTimes {
  const times = new HarvestTimes();
  const pages = new PageChanges();
  for (const event of parseLines(...lines).events) times.add(event, pages.of(event.body));
  return times;
}

describe('harvests between markers', () => {
  const at = (time: number, ev: string, end: 'begin' | 'end'): string =>
    mark(time, { ev, at: end, slot: 1, round: 0, first_page: 0, num_pages: 64 });

  it('take from begin to end, and not the time between two of them', () => {
    const times = timesOf(
      at(100, 'get_dirty_log', 'begin'),
      at(130, 'get_dirty_log', 'end'),
      at(500, 'clear_dirty_log', 'begin'),
      at(520, 'clear_dirty_log', 'end'),
      at(900, 'get_dirty_log', 'begin'),
      at(990, 'get_dirty_log', 'end'),
    );
    expect([times.within(100, 520), times.within(900, 990)]).toEqual([50, 90]);
  });

  it('are taken before bare system calls', () => {
    const times = timesOf(
      at(100, 'get_dirty_log', 'begin'),
      ioctl(105, GET),
      protect(110, 1),
      at(130, 'get_dirty_log', 'end'),
    );
    expect(times.within(100, 130)).toBe(30);
  });
});

describe('harvests by system calls', () => {
  it('end with the last page that their thread protects, where no exit is traced', () => {
    const times = timesOf(
      ioctl(100, GET),
      protect(110, 1),
      protect(140, 2, 'other-7'),
      ioctl(200, CLEAR),
      protect(215, 3),
      ioctl(300, KVM_RUN),
      protect(350, 4),
    );
    expect(times.within(100, 350)).toBe(10 + 15);
  });

  it('end with their exit, where that is', () => {
    const exit = line(160, 'sys_ioctl -> 0x0');
    expect(timesOf(ioctl(100, GET), protect(110, 1), exit).within(100, 160)).toBe(60);
  });

  it('that nothing tells the end of are not known', () => {
    expect(timesOf(ioctl(100, GET), ioctl(200, KVM_RUN)).within(100, 200)).toBeUndefined();
  });
});

describe('a trace without any', () => {
  it('does not say', () => {
    expect(timesOf(protect(100, 1)).within(0, 1000)).toBeUndefined();
  });
});
