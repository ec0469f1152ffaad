import { describe, expect, it } from 'vitest';
import { HandMade, ksmRace } from '../../test/hand-made.ts';
import type { Violation } from '../verdict.ts';
import { drawText } from './draw-text.ts';

const lines = (text: string): string[] => text.split('\n');

describe('The race of April 2012', () => {
  const violation: Violation = {
    fault: 'always',
    property: 'a merged page never changes',
    oops: 'after KSM the host pte is read-only, yet the guest can write',
    execution: ksmRace(),
  };

  it('is drawn as a kernel developer would draw it in a mail', () => {
    const text = drawText(violation, {
      title: 'ksm: the notifier clears only W',
      replay: "faultline check ksm --replay '2*2 1*7 0*5 2'",
      notes: ['Gone if the notifier also clears HOST_WRITABLE.'],
    });
    expect(`\n${text}\n`).toBe(`
ksm: the notifier clears only W
At the beginning: spte = R-, host pte = RW, seq = 0
  KSM                       | VCPU0 slow path         | VCPU1 fast path
1                           |                         | read spte             R-
2                           | read seq, host pte      |
3                           | lock; spte = RW; unlock |
4 store  host pte: RW -> R- |                         |
5 lock; spte = R-; seq++;   |                         |
    unlock                  |                         |
6                           |                         | cmpxchg   spte: R- -> RW
                            |                         |   succeeds, ABA: 2
                            |                         |   writes to spte since
                            |                         |   it was read
                                                        OOPS!!!
After KSM the host pte is read-only, yet the guest can write. 1 preemption.
always: a merged page never changes.
Gone if the notifier also clears HOST_WRITABLE.

Source lines:
 1 fastPageFault (src/race.ts:31)
 2 slowPageFault (src/race.ts:41, 42)
 3 slowPageFault (src/race.ts:43, 44, 45, 46)
 4 mergePage (src/race.ts:50)
 5 mergePage (src/race.ts:51, 52, 53, 54)
 6 fastPageFault (src/race.ts:32)

Again:
faultline check ksm --replay '2*2 1*7 0*5 2'
`);
  });

  it('names the callers too, if asked', () => {
    const caller = { function: 'vcpuThread', file: 'a/b/c.ts', line: 7 };
    const execution = new HandMade(['cpu0', 'cpu1'], { x: '0' })
      .step('cpu0', 'store32', { word: 'x', after: '1', callers: [caller] })
      .step('cpu1', 'load32', { word: 'x' })
      .end();
    const text = drawText({ fault: 'always', property: 'x is 0', execution }, { frames: 2 });
    expect(lines(text)).toContain(' 1 cpu0 (src/race.ts:1) < vcpuThread (b/c.ts:7)');
  });
});

describe('A deadlock', () => {
  it('ends with how every thread stands, and who holds the locks', () => {
    const made = new HandMade(['cpu0', 'cpu1', 'idler'], { mmu_lock: '0', page_lock: '0' })
      .step('cpu0', 'lock', { word: 'mmu_lock', line: 10 })
      .step('cpu1', 'lock', { word: 'page_lock', line: 20 });
    const execution = made.end(1, [
      made.pending('blocked', 'lock', { word: 'page_lock', at: 'first', line: 11 }),
      made.pending('blocked', 'lock', { word: 'mmu_lock', at: 'second', line: 21 }),
    ]);
    const text = drawText({ fault: 'deadlock', property: 'cpu0 and cpu1 sleep', execution });
    expect(`\n${text}\n`).toBe(`
  cpu0          | cpu1           | idler
1 lock mmu_lock |                |
2               | lock page_lock |
                  OOPS!!!
deadlock: cpu0 and cpu1 sleep. 1 preemption.
How the threads stand:
  cpu0: blocked in lock page_lock, held by cpu1; first (src/race.ts:11)
  cpu1: blocked in lock mmu_lock, held by cpu0; second (src/race.ts:21)
  idler: ended

Source lines:
 1 cpu0 (src/race.ts:10)
 2 cpu1 (src/race.ts:20)
`);
  });
});

describe('A lost wakeup', () => {
  it('shows the notify that woke nobody and the sleep after it', () => {
    const made = new HandMade(['waiter', 'setter'], { flag: '0', seq: '0' })
      .step('waiter', 'load32', { word: 'flag', line: 1 })
      .step('setter', 'store32', { word: 'flag', after: '1', line: 10 })
      .step('setter', 'notify', { word: 'seq', line: 11 })
      .step('waiter', 'wait', { word: 'seq', kind: 'asleep', line: 2 });
    const asleep = made.pending('blocked', 'wait', { word: 'seq', at: 'waiter', line: 2 });
    const execution = made.end(1, [asleep]);
    const text = drawText({
      fault: 'lost wakeup',
      property: 'waiter sleeps, and nobody is left to wake it',
      execution,
    });
    expect(`\n${text}\n`).toBe(`
At the beginning: flag = 0, seq = 0
  waiter              | setter
1 read flag         0 |
2                     | store       flag: 0 -> 1
3                     | notify seq, wakes nobody
4 wait seq, sleeps  0 |
  OOPS!!!
lost wakeup: waiter sleeps, and nobody is left to wake it. 1 preemption.
How the threads stand:
  waiter: blocked in wait seq; waiter (src/race.ts:2)
  setter: ended

Source lines:
 1 waiter (src/race.ts:1)
 2 setter (src/race.ts:10)
 3 setter (src/race.ts:11)
 4 waiter (src/race.ts:2)
`);
  });
});

describe('A data race', () => {
  it('names both accesses that are about to happen, with their lines', () => {
    const made = new HandMade(['cpu0', 'cpu1'], { x: '0' });
    made.step('cpu0', 'lock', { word: 'm', line: 1 });
    const execution = made.end(0, [
      made.pending('running', 'store32', { word: 'x', plain: true, at: 'writer', line: 4 }),
      made.pending('running', 'load32', { word: 'x', at: 'reader', line: 9 }),
    ]);
    const text = drawText({ fault: 'data race', property: 'two accesses of x meet', execution });
    expect(`\n${text}\n`).toBe(`
At the beginning: x = 0
  cpu0    | cpu1
1 lock    |
  OOPS!!!
data race: two accesses of x meet. 0 preemptions.
These two meet:
  cpu0: writes x, plain; writer (src/race.ts:4)
  cpu1: reads x, atomic; reader (src/race.ts:9)

Source lines:
 1 cpu0 (src/race.ts:1)
`);
  });

  it('names the last step and the one that it meets', () => {
    const execution = new HandMade(['cpu0', 'cpu1'], { page: '0' })
      .step('cpu0', 'guestStore', { word: 'page', after: '1', line: 4 })
      .step('cpu1', 'guestLoad', { word: 'page', line: 9 })
      .end();
    const text = drawText({ fault: 'data race', property: 'of page', execution });
    expect(lines(text)).toEqual(
      expect.arrayContaining([
        '  cpu1: reads page, plain; cpu1 (src/race.ts:9)',
        '  cpu0: writes page, plain; cpu0 (src/race.ts:4)',
      ]),
    );
  });
});

describe('Store buffers', () => {
  it('shows a store twice: when it is made and when it leaves', () => {
    const execution = new HandMade(['cpu0', 'cpu1'], { x: '0', y: '0' })
      .step('cpu0', 'store32', { word: 'x', plain: true, args: [1], line: 1 })
      .step('cpu0', 'load32', { word: 'y', line: 2 })
      .step('cpu1', 'store32', { word: 'y', plain: true, args: [1], line: 1 })
      .step('cpu1', 'load32', { word: 'x', line: 2 })
      .step('cpu0', 'store32', { word: 'x', plain: true, kind: 'drain', after: '1', line: 1 })
      .end(0);
    const text = drawText({ fault: 'finally', property: 'one of them sees a store', execution });
    expect(`\n${text}\n`).toBe(`
At the beginning: x = 0, y = 0
  cpu0                                  | cpu1
1 x = 1                                 |
    waits in its buffer                 |
2 read y                              0 |
3                                       | y = 1
                                        |   waits in its buffer
4                                       | read x              0
5 store leaves cpu0's buffer  x: 0 -> 1 |
  OOPS!!!
finally: one of them sees a store. 0 preemptions.
At the end:
  x = 1

Source lines:
 1 cpu0 (src/race.ts:1)
 2 cpu0 (src/race.ts:2)
 3 cpu1 (src/race.ts:1)
 4 cpu1 (src/race.ts:2)
 5 cpu0 (src/race.ts:1)
`);
  });

  it('shows it once when it leaves before anything else happens', () => {
    const execution = new HandMade(['cpu0', 'cpu1'], { x: '0' })
      .step('cpu0', 'store32', { word: 'x', plain: true, args: [1] })
      .step('cpu0', 'store32', { word: 'x', plain: true, kind: 'drain', after: '1' })
      .step('cpu1', 'load32', { word: 'x' })
      .end();
    const text = drawText({ fault: 'always', property: 'x is 0', execution }, { model: 'tso' });
    expect(lines(text).slice(2, 4)).toEqual([
      '1 store  x: 0 -> 1 |',
      '2                  | read x  1',
    ]);
  });

  it('shows the number of a store that never leaves', () => {
    const execution = new HandMade(['cpu0', 'cpu1'], { x: '0' })
      .step('cpu0', 'store32', { word: 'x', plain: true, args: [7] })
      .step('cpu1', 'load32', { word: 'x' })
      .end();
    const text = drawText({ fault: 'always', property: 'x is 0', execution }, { model: 'tso' });
    expect(lines(text)[2]).toBe('1 x = 7                 |');
  });
});

describe('A critical section', () => {
  it('is one row, and a free lock is no news', () => {
    const made = new HandMade(['cpu0', 'cpu1'], { mmu_lock: '0', x: '0' })
      .step('cpu0', 'lock', { word: 'mmu_lock' })
      .step('cpu0', 'load32', { word: 'x' })
      .step('cpu0', 'cmpxchg32', { word: 'x', after: '1', exchanged: true })
      .step('cpu0', 'unlock', { word: 'mmu_lock' })
      .step('cpu1', 'load32', { word: 'x' });
    const execution = made.end(0, [
      { state: 'ended' },
      made.pending('running', 'unlock', { word: 'mmu_lock', at: 'cpu1' }),
    ]);
    const text = drawText({ fault: 'always', property: 'x is 0', execution });
    expect(lines(text).slice(0, 3)).toEqual([
      'At the beginning: x = 0',
      '  cpu0                        | cpu1',
      '1 lock; cmpxchg x = 1; unlock |',
    ]);
  });

  it('is parted where another thread comes between', () => {
    const execution = new HandMade(['cpu0', 'cpu1'], { mmu_lock: '0', x: '0' })
      .step('cpu0', 'lock', { word: 'mmu_lock' })
      .step('cpu0', 'store32', { word: 'x', after: '1' })
      .step('cpu1', 'load32', { word: 'x' })
      .step('cpu0', 'add32', { word: 'x', after: '0', args: [-1] })
      .step('cpu0', 'unlock', { word: 'mmu_lock' })
      .end(1);
    const text = drawText({ fault: 'finally', property: 'nobody sees 1', execution });
    expect(lines(text).slice(2, 5)).toEqual([
      '1 lock; x = 1 |',
      '2             | read x  1',
      '3 x--; unlock |',
    ]);
  });
});

describe('Five threads', () => {
  it('do not fit side by side: every line begins with a name', () => {
    const names = ['cpu0', 'cpu1', 'cpu2', 'cpu3', 'harvester'];
    const made = new HandMade(names, { bitmap: '0000' });
    for (const [index, name] of names.entries()) {
      const after = '1'.repeat(Math.min(index + 1, 4)).padEnd(4, '0');
      if (name === 'harvester') made.step(name, 'xchg32', { word: 'bitmap', after: '0000' });
      else made.step(name, 'or32', { word: 'bitmap', after, line: index + 1 });
    }
    const execution = made.end(0);
    const text = drawText({ fault: 'always', property: 'a mark is never lost', execution });
    expect(`\n${text}\n`).toBe(`
At the beginning: bitmap = 0000
1 cpu0       or    bitmap: 0000 -> 1000
2 cpu1       or    bitmap: 1000 -> 1100
3 cpu2       or    bitmap: 1100 -> 1110
4 cpu3       or    bitmap: 1110 -> 1111
5 harvester  xchg  bitmap: 1111 -> 0000
             OOPS!!!
always: a mark is never lost. 0 preemptions.

Source lines:
 1 cpu0 (src/race.ts:1)
 2 cpu1 (src/race.ts:2)
 3 cpu2 (src/race.ts:3)
 4 cpu3 (src/race.ts:4)
 5 harvester (src/race.ts:1)
`);
  });
});

describe('What does not matter', () => {
  it('is left out: words that one thread alone touches, and reads that nobody disturbs', () => {
    const execution = new HandMade(['cpu0', 'cpu1'], { x: '0', slot: '7' })
      .step('cpu0', 'load32', { word: 'slot' })
      .step('cpu1', 'load32', { word: 'slot' })
      .step('cpu0', 'store32', { word: '0x2000', after: '1' })
      .step('cpu0', 'enterRead')
      .step('cpu0', 'fence')
      .step('cpu1', 'alloc')
      .step('cpu0', 'store32', { word: 'x', after: '1' })
      .step('cpu0', 'exitRead')
      .step('cpu1', 'load32', { word: 'x' })
      .end();
    const text = drawText({ fault: 'finally', property: 'x is 0', execution });
    expect(lines(text).slice(0, 5)).toEqual([
      'At the beginning: x = 0',
      '  cpu0             | cpu1',
      '1 store  x: 0 -> 1 |',
      '2                  | read x  1',
      '                     OOPS!!!',
    ]);
  });

  it('is told once: a thread that reads the same word again and again', () => {
    const made = new HandMade(['cpu0', 'cpu1'], { x: '0' });
    for (let turn = 0; turn < 3; turn++) made.step('cpu1', 'load32', { word: 'x' });
    const execution = made.step('cpu0', 'store32', { word: 'x', after: '1' }).end();
    const text = drawText({ fault: 'always', property: 'x is 0', execution });
    expect(lines(text)[2]).toBe('1                  | read x, 3 times  0');
  });

  it('never hides the last step, which broke the property', () => {
    const execution = new HandMade(['cpu0'], {}).step('cpu0', 'load32', { word: '0x40' }).end();
    const text = drawText({ fault: 'misuse', property: 'a word that is none', execution });
    expect(lines(text)[1]).toBe('1 read 0x40  0');
  });
});

describe('A violation without an execution', () => {
  it('is a sentence', () => {
    expect(drawText({ fault: 'sometimes', property: 'both are in the fast path' })).toBe(
      'sometimes: both are in the fast path.',
    );
  });
});

describe('A first state that is bad already', () => {
  it('is shown by its words', () => {
    const execution = new HandMade(['cpu0'], { x: '1', y: '2' }).end();
    expect(drawText({ fault: 'always', property: 'x is 0', execution })).toBe(
      'At the beginning: x = 1, y = 2\nalways: x is 0. Before anybody took a step.',
    );
  });
});

describe('The width', () => {
  const long = 'a name that is longer than any column could ever be in a mail of eighty columns';
  const made = new HandMade(['one', 'two', 'three', long], { [long]: '0' });
  for (const thread of ['one', 'two', 'three', long]) {
    made.step(thread, 'add32', { word: long, after: `${thread}-${'9'.repeat(90)}`, args: [1] });
    made.step(thread, 'cmpxchg32', { word: long, exchanged: false, at: 'f'.repeat(90) });
  }
  const violation: Violation = { fault: 'always', property: long, execution: made.end() };

  it.each([80, 60, 40])('of %i columns is kept whatever the names', (width) => {
    const text = drawText(violation, { width, title: long, replay: `run '${'1 '.repeat(60)}'` });
    expect(Math.max(...lines(text).map(({ length }) => length))).toBeLessThanOrEqual(width);
  });
});
