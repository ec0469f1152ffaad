// Rounds of equal write-protection faults: before each, every page is write-protected again; while it is timed, nothing
// but the vCPUs runs.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { connectThread } from '@faultline/atomics';
import {
  createMemslot,
  type FaultLock,
  type FaultPath,
  type Gfn,
  getDirtyLog,
  type Hvn,
  KVM_MEM_LOG_DIRTY_PAGES,
} from '@faultline/mmu';
import { createMachine, type Machine } from '@faultline/runner';
import type { RoundJob, RoundTimes, Work } from '../bench-worker.ts';
import { quantile } from './quantile.ts';

const workerFile = new URL('../bench-worker.js', import.meta.url);
const RAM_GFN = 0x10000;
const LEAST_OVERLAP = 0.8;
/** Few, so that both sides of a ratio meet the same moods of the machine; more than one, so that caches are warm. */
const TURN = 10;

export interface Variant {
  readonly faultPath: FaultPath;
  readonly faultLock: FaultLock;
  readonly work: Work;
}

/** What a variant needs for one fault, in nanoseconds: the median over rounds, and how many rounds that is of. */
export interface RoundResult {
  readonly nsPerFault: number;
  /** A tenth of the rounds were at least as fast. */
  readonly undisturbedNs: number;
  readonly rounds: number;
}

export interface RoundOptions {
  readonly vcpus: number;
  readonly pages: number;
  readonly rounds: number;
  /** Other work that takes its turn before every `TURN` rounds. */
  readonly between?: () => Promise<void>;
}

/** A VM that can be asked for rounds, one at a time, so that variants can take turns. */
export class Bench {
  readonly #machine: Machine;
  readonly #mem: ReturnType<typeof connectThread>;
  readonly #times: Promise<RoundTimes>[];
  readonly #pages: number;
  #round = 0;

  constructor(
    { faultPath, faultLock, work }: Variant,
    vcpus: number,
    pages: number,
    rounds: number,
  ) {
    this.#machine = createMachine({ vcpus, hostPages: vcpus * pages, faultPath, faultLock });
    this.#mem = connectThread(this.#machine.memory, vcpus);
    this.#pages = vcpus * pages;
    createMemslot(this.#mem, this.#machine.vm, {
      id: 0,
      baseGfn: RAM_GFN as Gfn,
      npages: this.#pages,
      hvn: 0 as Hvn,
      flags: KVM_MEM_LOG_DIRTY_PAGES,
    });
    this.#times = Array.from({ length: vcpus }, async (_, vcpu): Promise<RoundTimes> => {
      const gfn = RAM_GFN + vcpu * pages;
      const job: RoundJob = { machine: this.#machine, vcpu, work, gfn, pages, rounds };
      const worker = new Worker(workerFile, { workerData: job });
      const [times] = (await once(worker, 'message')) as [RoundTimes];
      return times;
    });
  }

  /** Resolves when every vCPU has mapped its pages. */
  async ready(): Promise<void> {
    const isReady = (reached: number): boolean => this.#mem.load32(reached) >= 1;
    while (!this.#machine.control.reached.every(isReady)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  round(): void {
    this.#round++;
    const dirty = getDirtyLog(this.#mem, this.#machine.vm, 0);
    if (dirty !== this.#pages) {
      throw new Error(`round ${this.#round}: expected ${this.#pages} dirty pages, got ${dirty}`);
    }
    const { epoch } = this.#machine.control;
    this.#mem.store32(epoch, this.#round);
    this.#mem.notify(epoch);
    this.#await(this.#round + 1);
  }

  results(): Promise<RoundTimes[]> {
    return Promise.all(this.#times);
  }

  #await(round: number): void {
    for (const reached of this.#machine.control.reached) {
      for (let at = this.#mem.load32(reached); at < round; at = this.#mem.load32(reached)) {
        this.#mem.waitWhile(reached, at);
      }
    }
  }
}

/** Times every variant round by round in turn, so that what else the machine does hits all alike. */
export async function timeRounds(
  variants: readonly Variant[],
  { vcpus, pages, rounds, between }: RoundOptions,
): Promise<RoundResult[]> {
  const benches = variants.map((variant) => new Bench(variant, vcpus, pages, rounds));
  const results = await playRounds(benches, rounds, between);
  return results.map((times) => summarize(times, pages));
}

/** Lets the VMs take turns; of each VM the times of each vCPU. */
export async function playRounds(
  benches: readonly Bench[],
  rounds: number,
  between?: () => Promise<void>,
): Promise<RoundTimes[][]> {
  for (const bench of benches) await bench.ready();
  for (let round = 0; round < rounds; round++) {
    if (round % TURN === 0) await between?.();
    for (const bench of benches) bench.round();
  }
  return Promise.all(benches.map((bench) => bench.results()));
}

function summarize(times: readonly RoundTimes[], pages: number): RoundResult {
  const rounds = byRound(times);
  const sound = rounds.filter((round) => overlap(round) >= LEAST_OVERLAP);
  const ns = sound.flatMap((round) => round.map(([from, to]) => ((to - from) * 1e6) / pages));
  return { nsPerFault: quantile(ns, 0.5), undisturbedNs: quantile(ns, 0.1), rounds: sound.length };
}

/** Of each round that counts, start and end on each vCPU: the first fifth is for warming up. */
export function byRound(times: readonly RoundTimes[]): [number, number][][] {
  const rounds = (times[0] ?? []).map((_, round) =>
    times.map((vcpu) => vcpu[round] as [number, number]),
  );
  return rounds.slice(Math.ceil(rounds.length / 5));
}

/** Share of the shortest that all vCPUs spent at the same time. */
function overlap(round: readonly (readonly [number, number])[]): number {
  const together =
    Math.min(...round.map(([, to]) => to)) - Math.max(...round.map(([from]) => from));
  return together / Math.min(...round.map(([from, to]) => to - from));
}
