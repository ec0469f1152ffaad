// Where the user's code runs: which of its shared buffers lies where, and what stands behind them just now. While a file is
// evaluated that is real memory; while a thread runs, the search; while a property is judged, a state that can be read.
import type { Ask, Operation, Replay, Run, Shared, Step } from '@faultline/atomics';
import { answerAsked } from '@faultline/atomics';
import type { InputError } from '../exit.ts';
import { complaint } from './complaint.ts';
import { LoopClaims } from './loop-claims.ts';
import { usersLine, withUsersTraces } from './site.ts';
import { UsersRun } from './users-run.ts';

/** Buffers begin at multiples of it, so that every kind of array is aligned. */
const ALIGNMENT = 64;
/** Turns of loops without a shared operation after which a thread is said to hang. */
const MOST_TURNS = 5_000_000;

/** A SharedArrayBuffer that the file made. */
export interface Buffer {
  readonly base: number;
  readonly bytes: number;
}

/** A word that is not 0 at the beginning. */
export interface InitialWord {
  readonly address: number;
  readonly low: number;
}

export class World {
  /** Paths of the files that were loaded. */
  readonly files: Set<string> = new Set();
  /** In the order in which the file makes them. */
  readonly buffers: Buffer[] = [];
  /** What the first evaluation left in them. */
  readonly memory: { readonly buffer: Buffer; readonly native: SharedArrayBuffer }[] = [];
  /** Undefined while real memory answers. */
  ask: Ask | undefined;
  /** How many buffers this evaluation has made so far. */
  #made = 0;
  #end = 0;
  #turns = 0;
  #claims: LoopClaims | undefined;
  #replay: Replay | undefined;
  /** The first complaint since somebody asked: user code may have caught it. */
  #complaint: InputError | undefined;
  /** The code has typed arrays of its own that loops may change unseen. */
  hasPrivateArrays = false;
  #isRunning = false;

  /** A thread, a property: anything but the first evaluation of the files. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The place in memory of the buffer that is being made. Each evaluation makes the same ones in the same order. */
  place(bytes: number): Buffer {
    const known = this.buffers[this.#made++];
    if (known !== undefined) {
      if (known.bytes === bytes) return known;
      throw this.refuse(
        'the file to make the same buffers whenever it is evaluated',
        `a SharedArrayBuffer of ${bytes} bytes where there was one of ${known.bytes}`,
      );
    }
    if (this.#isRunning) {
      throw this.refuse(
        'shared memory to be made at the top level of the file',
        'a SharedArrayBuffer made by a thread: no other thread could reach it',
      );
    }
    const buffer = { base: this.#end, bytes };
    this.#end += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    this.buffers.push(buffer);
    return buffer;
  }

  /** What the files stored when they were evaluated. */
  initialWords(): InitialWord[] {
    return this.memory.flatMap(({ buffer, native }) => {
      const halves = new Int32Array(native, 0, native.byteLength >> 2);
      return [...halves].flatMap((low, index) =>
        low === 0 ? [] : [{ address: buffer.base + 4 * index, low }],
      );
    });
  }

  /** One evaluation of the files, over real memory. */
  evaluate<Result>(work: () => Result): Result {
    const { ask } = this;
    this.ask = undefined;
    this.#made = 0;
    this.#turns = 0;
    this.hasPrivateArrays = false;
    try {
      return withUsersTraces(this.files, work);
    } finally {
      this.ask = ask;
    }
  }

  /** Runs a thread over `log`. `begin` evaluates the files and answers the thread's function. */
  run(
    begin: () => () => unknown,
    log: readonly Step[],
    identify: (key: string) => number,
  ): Run<unknown> {
    this.#complaint = undefined;
    this.#isRunning = true;
    try {
      return withUsersTraces(this.files, () => {
        const run = answerAsked((replay) => {
          const body = this.evaluate(begin);
          this.#replay = replay;
          this.#claims = new LoopClaims(replay.claim, identify, log.length);
          this.ask = this.#asking(replay, this.#claims);
          return body();
        }, log);
        this.#complain();
        return this.#asOwn(run);
      });
    } finally {
      this.#leave();
    }
  }

  #asking(replay: Replay, claims: LoopClaims): Ask {
    return (operation) => {
      this.#turns = 0;
      claims.asking();
      const answer = replay.ask(operation);
      claims.saw(answer);
      return answer;
    };
  }

  /** Reads the state that `mem` stands for. */
  read<Result>(mem: Shared, work: () => Result): Result {
    this.#complaint = undefined;
    this.#isRunning = true;
    this.#turns = 0;
    this.ask = (operation) => this.#load(mem, operation);
    try {
      const result = withUsersTraces(this.files, work);
      this.#complain();
      return result;
    } finally {
      this.#leave();
    }
  }

  #load(mem: Shared, { verb, address }: Operation): { low: number; high: number } {
    if (verb === 'load32') return { low: mem.load32(address), high: 0 };
    if (verb === 'load64') {
      const low = mem.load64(address);
      return { low, high: mem.high };
    }
    throw this.refuse('a property that only reads', `a ${verb.replace(/\d+$/, '')}`);
  }

  /** A hook for one entry into loop `loop`: to be called at the head of each turn. */
  enterLoop(loop: string): (...live: readonly unknown[]) => true {
    const claims = this.ask === undefined ? undefined : this.#claims;
    const entry = claims?.enter(loop);
    return (...live) => {
      this.#turn();
      if (entry !== undefined && !this.hasPrivateArrays) claims?.turn(entry, live);
      return true;
    };
  }

  /** The same for a loop whose turns may leave anything behind. */
  countLoop(): () => true {
    return () => {
      this.#turn();
      return true;
    };
  }

  #turn(): void {
    if (this.#replay?.stopped) throw new Error('this run is over'); // whatever the loop catches
    if (++this.#turns <= MOST_TURNS) return;
    throw this.refuse(
      'a loop that ends, or reads shared memory on its way',
      `${MOST_TURNS.toLocaleString('en-US')} turns without`,
    );
  }

  /** An error that names the user's line; thrown again when the thread or property is over, should the code catch it. */
  refuse(expected: string, got: string, cause?: string): InputError {
    const stack = withUsersTraces(this.files, () => new Error().stack ?? '');
    const error = complaint(usersLine(stack, this.files) ?? 'the file', expected, got, cause);
    if (!this.#replay?.stopped) this.#complaint ??= error;
    return error;
  }

  #complain(): void {
    const error = this.#complaint;
    this.#complaint = undefined;
    if (error !== undefined) throw error;
  }

  #leave(): void {
    this.ask = undefined;
    this.#claims = undefined;
    this.#replay = undefined;
    this.#isRunning = false;
  }

  /** Results and errors as the search expects them; the line of a claim is the loop's, not that of its next operation. */
  #asOwn(run: Run<unknown>): Run<unknown> {
    if (run.state === 'threw') return { state: 'threw', error: this.ownError(run.error) };
    if (run.state === 'ended') refuseAsync(run.result);
    return run.state === 'ended' ? run : new UsersRun(run, this.files, this.#claims?.trace);
  }

  /** The user's error as one of this realm: the file's own `Error` is another class than ours. */
  ownError(thrown: unknown): unknown {
    if (typeof thrown !== 'object' || thrown === null || thrown instanceof Error) return thrown;
    const { name, message, stack } = thrown as Partial<Error>;
    if (typeof message !== 'string') return thrown;
    const error = new Error(message);
    if (typeof name === 'string') error.name = name;
    if (typeof stack === 'string') error.stack = stack;
    return error;
  }
}

function refuseAsync(result: unknown): void {
  const isThenable =
    typeof result === 'object' &&
    result !== null &&
    typeof (result as { then?: unknown }).then === 'function';
  if (isThenable) {
    throw complaint(
      'threads',
      'functions that return when their work is done',
      'one that returns a promise',
    );
  }
}
