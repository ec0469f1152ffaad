import { describe, expect, it } from 'vitest';
import { GFN, type OneThread, oneThread, wordAt } from '../test/fixture.ts';
import { stopAll } from './control.ts';
import type { Job } from './job.ts';
import type { VcpuReport } from './meter.ts';
import type { Touches } from './trace-plan.ts';
import { runPlayer, runProgram } from './vcpu-loop.ts';

/** Whatever the guest reads of an own word, it is not what it wrote. */
function withFalseLedger(): OneThread {
  const bench = oneThread(4);
  bench.machine.ledger.fill(9);
  return bench;
}

function program({ machine, mem, region }: OneThread): VcpuReport {
  const job = { machine, role: 'vcpu', vcpu: 0, program: 'random', regions: [region], warmUpMs: 0 };
  return runProgram(mem, job as Extract<Job, { role: 'vcpu' }>);
}

function player({ machine, mem }: OneThread): VcpuReport {
  const one = (value: number): Int32Array => Int32Array.of(value);
  const touches: Touches = { length: 1, gfn: one(GFN + 2), hvn: one(2), word: one(2 * 5 + 1) };
  return runPlayer(mem, {
    machine,
    role: 'player',
    vcpu: 0,
    tracks: [{ touches, upTo: [1] }],
    restore: true,
  });
}

describe('a guest program that is stopped before it began', () => {
  it('reports that it did nothing', () => {
    const bench = oneThread(4);
    stopAll(bench.mem, bench.machine.control);
    expect(program(bench).stat.pf_taken).toBe(0);
  });
});

describe('a guest program that finds a write lost', () => {
  it('ends and reports it', () => {
    expect(program(withFalseLedger()).lostWrite).toMatch(
      /^vCPU 0 gfn 0x10[0-3] word \d+: expected 0x9, which it wrote last, got 0x0$/,
    );
  });
});

describe('a vCPU that plays a trace and finds a write lost', () => {
  it('ends and reports it', () => {
    expect(player(withFalseLedger()).lostWrite).toBe(
      'vCPU 0 gfn 0x102 word 5: expected 0x9, which it wrote last, got 0x0',
    );
  });

  it('keeps nobody waiting: it has come as far as anybody can ask', () => {
    const bench = withFalseLedger();
    player(bench);
    const [reached = 0] = bench.machine.control.reached;
    expect(bench.mem.load32(reached)).toBe(2 ** 31 - 1);
  });
});

describe('a word of the ledger', () => {
  it('is what the guest last stored there', () => {
    const bench = oneThread(4);
    bench.write(2, 1, 5);
    bench.write(2, 8, 5);
    expect(bench.machine.ledger[wordAt(2, 5)]).toBe(8);
  });
});
