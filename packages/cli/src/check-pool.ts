// Checks in worker threads: a job at a time for each worker, until no job is left.
import { Worker } from 'node:worker_threads';
import type { MemoryModel, Part, PartVerdict } from '@faultline/checker';
import type { Settings } from './check/settings.ts';
import type { Staged } from './check/stages.ts';

export interface CheckJob {
  /** Of a litmus: programs are functions, and each worker makes its own. */
  readonly name: string;
  readonly model: MemoryModel;
  readonly settings: Omit<Settings, 'model'>;
}

export interface PartJob {
  /** A litmus or a file. */
  readonly word: string;
  readonly part: Part;
  readonly settings: Settings;
  /** When the time is up, as Date.now() has it. */
  readonly end?: number;
  /** Executions of all parts so far: one 64-bit word, shared. */
  readonly executed: BigInt64Array;
}

/** The search itself failed, and why. */
interface Failed {
  readonly error: string;
}
export type Checked = Staged | Failed;
export type PartChecked = PartVerdict | Failed;

export interface Going {
  readonly states: number;
  readonly executions: number;
}
export type FromWorker = Going | { readonly answer: Checked | PartChecked };

/** `done` comes once for each job, in no order; `going` now and then. */
export interface Listener {
  done(index: number, checked: Checked): void;
  going?(index: number, states: number): void;
}

/** enough: whoever is still at work may stop. last: whoever is at work goes on, and then nobody. */
export type Wanted = 'more' | 'last' | 'enough';

export interface PartListener {
  done(index: number, checked: PartChecked): Wanted;
  going(index: number, executions: number): void;
}

/** Beside this file: vitest looks for it there. */
const workerFile = new URL('./check-worker.js', import.meta.url);

export const checkInWorkers = (
  jobs: readonly CheckJob[],
  workers: number,
  listener: Listener,
): Promise<void> =>
  new Pool<Checked>(jobs, {
    done(index, checked) {
      listener.done(index, checked);
      return 'more';
    },
    going: (index, { states }) => listener.going?.(index, states),
  }).run(workers);

export const partsInWorkers = (
  jobs: readonly PartJob[],
  workers: number,
  listener: PartListener,
): Promise<void> =>
  new Pool<PartChecked>(jobs, {
    done: (index, checked) => listener.done(index, checked),
    going: (index, { executions }) => listener.going(index, executions),
  }).run(workers);

interface PoolListener<Answer> {
  done(index: number, answer: Answer): Wanted;
  going(index: number, going: Going): void;
}

class Pool<Answer> {
  readonly #jobs: readonly unknown[];
  readonly #listener: PoolListener<Answer>;
  readonly #workers = new Set<Worker>();
  #next = 0;
  #isOver = false;

  constructor(jobs: readonly unknown[], listener: PoolListener<Answer>) {
    this.#jobs = jobs;
    this.#listener = listener;
  }

  async run(workers: number): Promise<void> {
    const many = Math.min(workers, this.#jobs.length);
    await Promise.all(Array.from({ length: many }, () => this.#work()));
  }

  async #work(): Promise<void> {
    let worker: Worker | undefined;
    for (let index = this.#next++; index < this.#jobs.length; index = this.#next++) {
      worker ??= this.#start();
      const { answer, died } = await this.#ask(worker, index);
      if (this.#isOver) return;
      if (died) worker = undefined;
      this.#heed(this.#listener.done(index, answer as Answer));
    }
    if (worker !== undefined) await this.#end(worker);
  }

  #start(): Worker {
    const worker = new Worker(workerFile);
    this.#workers.add(worker);
    return worker;
  }

  #heed(wanted: Wanted): void {
    if (wanted !== 'more') this.#next = this.#jobs.length;
    if (wanted !== 'enough') return;
    this.#isOver = true;
    for (const worker of this.#workers) void this.#end(worker);
  }

  async #end(worker: Worker): Promise<void> {
    this.#workers.delete(worker);
    await worker.terminate();
  }

  /** A worker that dies (of want of memory, say) takes its job with it, and no other. */
  #ask(worker: Worker, index: number): Promise<{ answer: unknown; died: boolean }> {
    return new Promise((resolve) => {
      const hear = (message: FromWorker): void => {
        if ('answer' in message) end(message.answer, false);
        else if (!this.#isOver) this.#listener.going(index, message);
      };
      const failed = (error: unknown): void => end({ error: String(error) }, true);
      const left = (code: number): void => failed(`its worker ended with code ${code}`);
      const end = (answer: unknown, died: boolean): void => {
        worker.off('message', hear).off('error', failed).off('exit', left);
        if (died) this.#workers.delete(worker);
        resolve({ answer, died });
      };
      worker.on('message', hear).on('error', failed).on('exit', left);
      worker.postMessage(this.#jobs[index]);
    });
  }
}
