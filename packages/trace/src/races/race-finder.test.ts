import { describe, expect, it } from 'vitest';
import {
  at,
  changed,
  entry,
  exit,
  fast,
  marker,
  NOTHING,
  PROTECTED,
  pageFault,
  READ_ONLY,
  setSpte,
  unmap,
  WRITABLE,
} from '../../test/fault-lines.ts';
import { reportOf } from '../../test/report-of.ts';
import type { Race } from './race.ts';

const GFN = 0x10042;
const HVA = 0x7f0000000000;
const WRITE = 0x100000007;
const KSMD = 'ksmd-54';

const slot = marker(0, {
  ev: 'memslot',
  at: 'end',
  op: 'create',
  slot: 1,
  gpa: '0x10000000',
  size: 1 << 20,
  hva: `0x${HVA.toString(16)}`,
  flags: 1,
});
const hvaOf = (gfn: number): number => HVA + (gfn - 0x10000) * 4096;
const unmapPage = (us: number, thread = KSMD): string =>
  unmap(us, hvaOf(GFN), hvaOf(GFN) + 4096, thread);

/** A write between 100 us and the re-entry at 200 us, with what others do meanwhile, in the order of time. */
function racesOf(look: string, ...others: string[]): readonly Race[] {
  const own = [entry(50), exit(100), pageFault(103, GFN, WRITE), look, entry(200)];
  const time = (line: string): number => Number(/(\d+\.\d{6}):/.exec(line)?.[1]);
  return reportOf([...own, ...others].sort((a, b) => time(a) - time(b))).races;
}
const gone = fast(140, GFN, 'invalid', NOTHING);

describe('a right that is withdrawn under a fault', () => {
  it('is found where hardware saw the page and the fast path saw nothing', () => {
    const races = racesOf(gone, slot, unmapPage(118), changed(120, GFN, PROTECTED, NOTHING, KSMD));
    expect(races).toMatchObject([
      {
        kind: 'withdrawn',
        time: 140,
        gfn: GFN,
        vcpuId: 0,
        enteredAt: 50,
        began: 100,
        ended: 200,
        change: { task: 'ksmd', pid: 54, time: 120 },
        notifier: { task: 'ksmd', time: 118 },
        isNotifierCertain: true,
      },
    ]);
  });

  it('is found where the change was told before the exit: the exit takes time', () => {
    const [race] = racesOf(gone, changed(99, GFN, PROTECTED, NOTHING, KSMD));
    expect(race).toMatchObject({ kind: 'withdrawn', change: { time: 99 } });
  });

  it('is not blamed on a change before the vCPU ran last: hardware could not have seen the page', () => {
    const [race] = racesOf(gone, changed(40, GFN, PROTECTED, NOTHING, KSMD));
    expect(race).toMatchObject({ kind: 'withdrawn', change: undefined, notifier: undefined });
  });

  it('is not blamed on a change of another page', () => {
    const [race] = racesOf(gone, changed(120, GFN + 1, PROTECTED, NOTHING, KSMD));
    expect(race?.change).toBeUndefined();
  });

  it('may be the zap of a table above', () => {
    const [race] = racesOf(gone, changed(120, 0x10000, '102bbe827', NOTHING, 'kvmw-174', 2));
    expect(race?.change).toMatchObject({ level: 2, task: 'kvmw' });
  });

  it('is laid to the notifier whose range holds the page, where the MMU tells of no zap', () => {
    const elsewhere = unmap(125, HVA, HVA + 4096, 'kvmw-174');
    const [race] = racesOf(gone, slot, unmapPage(110), elsewhere);
    expect(race).toMatchObject({
      change: undefined,
      notifier: { task: 'ksmd', time: 110 },
      isNotifierCertain: true,
    });
  });

  it('is laid to any notifier without certainty, where the memslots are not known', () => {
    const [race] = racesOf(gone, unmapPage(110));
    expect(race).toMatchObject({ notifier: { task: 'ksmd' }, isNotifierCertain: false });
  });

  it('is none where hardware found nothing either', () => {
    const lines = [
      entry(50),
      exit(100),
      pageFault(103, GFN, 0x100000006),
      gone,
      setSpte(150, GFN),
      entry(200),
    ];
    expect(reportOf(lines).races).toEqual([]);
  });
});

describe('on Intel, a right that is withdrawn', () => {
  it('says by the bits of EPT whether the fast path could have fixed it', () => {
    const intel = (spte: string): readonly Race[] =>
      reportOf([
        entry(50),
        changed(99, GFN, spte, NOTHING, KSMD),
        exit(100, 'EPT_VIOLATION'),
        pageFault(103, GFN, 0x1aa),
        gone,
        entry(200),
      ]).races;
    expect(intel('86000000123abb75')).toMatchObject([{ layout: 'ept', wasFixable: true }]);
    expect(intel('80000000123abb75')).toMatchObject([{ layout: 'ept', wasFixable: false }]);
  });
});

const repairAt = (us: number): string =>
  at(
    us,
    `fast_page_fault: vcpu 1 gva ${GFN.toString(16)}abc error_code P|W|U sptep ffff888103476468 old 0x${PROTECTED} new ${WRITABLE} spurious 0 fixed 1`,
    'vcpu1-178',
    1,
  );

describe('a fault that another vCPU repaired first', () => {
  const look = fast(140, GFN, 'spurious', WRITABLE);
  const repair = repairAt(90);

  it('is found, with who did it', () => {
    expect(racesOf(look, repair)).toMatchObject([
      { kind: 'repaired', change: { source: 'fast_page_fault', task: 'vcpu1', pid: 178 } },
    ]);
  });

  it('is none where nobody is seen to repair it: its own TLB was old', () => {
    expect(racesOf(look)).toEqual([]);
  });
});

describe('a fault whose spte changed otherwise', () => {
  it('is found where the page was zapped and mapped again, read-only', () => {
    const races = racesOf(
      fast(140, GFN, 'invalid', READ_ONLY),
      changed(110, GFN, PROTECTED, NOTHING, KSMD),
      changed(120, GFN, NOTHING, READ_ONLY, 'vcpu1-178'),
    );
    expect(races).toMatchObject([{ kind: 'changed', change: { time: 120, task: 'vcpu1' } }]);
  });

  it('is none where the change was before the exit', () => {
    expect(
      racesOf(
        fast(140, GFN, 'invalid', READ_ONLY),
        changed(90, GFN, NOTHING, READ_ONLY, 'vcpu1-178'),
      ),
    ).toEqual([]);
  });

  it('is none where the vCPU itself changed it', () => {
    expect(
      racesOf(fast(140, GFN, 'invalid', READ_ONLY), changed(130, GFN, NOTHING, READ_ONLY)),
    ).toEqual([]);
  });

  it('is protected again where the fix is gone by the time it is told', () => {
    const races = racesOf(
      fast(140, GFN, 'fixed', PROTECTED, PROTECTED),
      changed(139, GFN, WRITABLE, PROTECTED, 'kvmw-174'),
    );
    expect(races).toMatchObject([{ kind: 'protected_again', change: { task: 'kvmw' } }]);
  });

  it('is protected again too where another has fixed it once more by then: no two fix one word', () => {
    const races = racesOf(
      fast(140, GFN, 'fixed', PROTECTED, WRITABLE),
      changed(110, GFN, WRITABLE, PROTECTED, 'kvmw-174'),
      repairAt(120),
    );
    expect(races).toMatchObject([{ kind: 'protected_again', change: { time: 110, task: 'kvmw' } }]);
  });

  it('is none as a rule', () => {
    expect(racesOf(fast(140, GFN, 'fixed', PROTECTED, WRITABLE))).toEqual([]);
  });
});

describe('races beyond what is kept', () => {
  it('are counted all the same', () => {
    const lines = Array.from({ length: 500 }, (_, n) => {
      const us = 1000 * n;
      return [
        entry(us + 1),
        exit(us + 2),
        pageFault(us + 3, GFN, WRITE),
        fast(us + 4, GFN, 'invalid', NOTHING),
      ];
    });
    const { races, raceCounts } = reportOf([...lines.flat(), entry(600_000)]);
    expect([races.length, raceCounts.withdrawn]).toEqual([200, 500]);
  });
});
