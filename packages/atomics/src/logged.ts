// The backend that knows no memory: a body's operations are answered from a log, and the first one without an answer
// stops it. To know what a thread does next, run its body again from the start: that is all a checker needs of a thread,
// provided that the body makes its own private state and has no effect but through the seam and its result.
import {
  type Answer,
  formatOperation,
  isSameOperation,
  type Operation,
  perform,
  type Verb,
} from './operation.ts';
import type { Shared, SharedEvent } from './shared.ts';

/** One operation, and what it found. */
export interface Step {
  readonly operation: Operation;
  readonly answer: Answer;
}

/** What a body did when run over a log. `site` is a stack trace that names the operation's line. */
export type Run<Result> =
  | {
      readonly state: 'pending';
      readonly operation: Operation;
      readonly site: string;
      /** The last claim that the body made, if any. */
      readonly again?: Again | undefined;
    }
  | { readonly state: 'ended'; readonly result: Result }
  | { readonly state: 'threw'; readonly error: unknown };

/** A claim of `again`: after `position` operations only `live` mattered. `site` is a stack trace that names the loop. */
export interface Again {
  readonly position: number;
  readonly live: readonly number[];
  readonly site: string;
}

/** The body did something else than the log says it did. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError';
}

/** What stands behind a seam that knows no memory: answers one operation. */
export type Ask = (operation: Operation) => Answer;

/** The seam with every verb turned into one call of `ask`. */
export class AskingShared implements Shared {
  readonly thread: number;
  low = 0;
  high = 0;
  emit: ((event: SharedEvent) => void) | undefined;
  readonly #ask: Ask;
  readonly #claim: ((live: readonly number[]) => void) | undefined;

  /** `claim` is told of every `again`. */
  constructor(thread: number, ask: Ask, claim?: (live: readonly number[]) => void) {
    this.thread = thread;
    this.#ask = ask;
    this.#claim = claim;
  }

  #do(
    verb: Operation['verb'],
    address = 0,
    args: number[] = [],
    { object = 'words' as Operation['object'], order = 'seqcst' as Operation['order'] } = {},
  ): number {
    const bytes = object === 'thread' ? 0 : bytesOf(verb);
    const { low, high } = this.#ask({ verb, object, address, bytes, order, args });
    if (bytes === 8 || verb === 'cmpxchg32') {
      this.low = low;
      this.high = high;
    }
    return low;
  }

  load32(address: number): number {
    return this.#do('load32', address);
  }
  store32(address: number, value: number): void {
    this.#do('store32', address, [value]);
  }
  storePlain32(address: number, value: number): void {
    this.#do('store32', address, [value], { order: 'plain' });
  }
  xchg32(address: number, value: number): number {
    return this.#do('xchg32', address, [value]);
  }
  cmpxchg32(address: number, expected: number, value: number): number {
    return Number(this.#do('cmpxchg32', address, [expected, value]) === (expected | 0));
  }
  or32(address: number, bits: number): number {
    return this.#do('or32', address, [bits]);
  }
  and32(address: number, bits: number): number {
    return this.#do('and32', address, [bits]);
  }
  add32(address: number, value: number): number {
    return this.#do('add32', address, [value]);
  }
  load64(address: number): number {
    return this.#do('load64', address);
  }
  store64(address: number, low: number, high: number): void {
    this.#do('store64', address, [low, high]);
  }
  storePlain64(address: number, low: number, high: number): void {
    this.#do('store64', address, [low, high], { order: 'plain' });
  }
  xchg64(address: number, low: number, high: number): number {
    return this.#do('xchg64', address, [low, high]);
  }
  cmpxchg64(a: number, expectedLow: number, expectedHigh: number, l: number, h: number): number {
    this.#do('cmpxchg64', a, [expectedLow, expectedHigh, l, h]);
    return Number(this.low === (expectedLow | 0) && this.high === (expectedHigh | 0));
  }
  or64(address: number, low: number, high: number): number {
    return this.#do('or64', address, [low, high]);
  }
  and64(address: number, low: number, high: number): number {
    return this.#do('and64', address, [low, high]);
  }
  add64(address: number, low: number, high: number): number {
    return this.#do('add64', address, [low, high]);
  }
  fence(): void {
    this.#do('fence', 0, [], { object: 'thread' });
  }

  wait(address: number, expected: number, ms = -1): number {
    return this.#do('wait', address, [expected, ms]);
  }
  notify(address: number, count = -1): number {
    return this.#do('notify', address, [count]);
  }
  lock(address: number): void {
    this.#do('lock', address);
  }
  unlock(address: number): void {
    this.#do('unlock', address);
  }
  readLock(address: number): void {
    this.#do('readLock', address);
  }
  readUnlock(address: number): void {
    this.#do('readUnlock', address);
  }
  writeLock(address: number): void {
    this.#do('writeLock', address);
  }
  writeUnlock(address: number): void {
    this.#do('writeUnlock', address);
  }
  waitUntil(address: number, mask: number, value: number): void {
    this.#do('waitUntil', address, [mask, value]);
  }
  waitWhile(address: number, value: number): void {
    this.#do('waitWhile', address, [value]);
  }
  enterRead(): void {
    this.#do('enterRead', 0, [], { object: 'thread' });
  }
  exitRead(): void {
    this.#do('exitRead', 0, [], { object: 'thread' });
  }
  synchronize(): void {
    this.#do('synchronize', 0, [], { object: 'thread' });
  }
  alloc(): number {
    return this.#do('alloc', 0, [], { object: 'thread' });
  }
  free(frame: number): void {
    this.#do('free', frame, [], { object: 'thread' });
  }
  guestLoad(index: number): number {
    return this.#guest('guestLoad', index);
  }
  guestStore(index: number, value: number): void {
    this.#guest('guestStore', index, [value]);
  }
  #guest(
    verb: Verb,
    index: number,
    args: number[] = [],
    order: Operation['order'] = 'plain',
  ): number {
    return this.#do(verb, index, args, { object: 'ram', order });
  }
  guestLoad8(index: number): number {
    return this.#guest('guestLoad8', index);
  }
  guestStore8(index: number, value: number): void {
    this.#guest('guestStore8', index, [value]);
  }
  guestLoad16(index: number): number {
    return this.#guest('guestLoad16', index);
  }
  guestStore16(index: number, value: number): void {
    this.#guest('guestStore16', index, [value]);
  }
  guestRead(index: number, into: Uint8Array): void {
    for (let byte = 0; byte < into.length; byte++) into[byte] = this.guestLoad8(index + byte);
  }
  guestWrite(index: number, bytes: Uint8Array): void {
    for (let byte = 0; byte < bytes.length; byte++) {
      this.guestStore8(index + byte, bytes[byte] as number);
    }
  }
  guestFillWords(index: number, count: number, value: number): void {
    for (let word = 0; word < count; word++) this.guestStore(index + word, value);
  }
  guestCopyWords(to: number, from: number, count: number): void {
    for (let word = 0; word < count; word++)
      this.guestStore(to + word, this.guestLoad(from + word));
  }
  guestAdd32(index: number, value: number): number {
    return this.#guest('guestAdd32', index, [value], 'seqcst');
  }
  guestOr32(index: number, bits: number): number {
    return this.#guest('guestOr32', index, [bits], 'seqcst');
  }
  guestAnd32(index: number, bits: number): number {
    return this.#guest('guestAnd32', index, [bits], 'seqcst');
  }
  guestXchg32(index: number, value: number): number {
    return this.#guest('guestXchg32', index, [value], 'seqcst');
  }
  guestCmpxchg32(index: number, expected: number, value: number): number {
    return this.#guest('guestCmpxchg32', index, [expected, value], 'seqcst');
  }
  again(...live: readonly number[]): void {
    this.#claim?.(live);
  }
}

function bytesOf(verb: Verb): number {
  if (verb.endsWith('64')) return 8;
  if (verb === 'guestLoad8' || verb === 'guestStore8') return 1;
  return verb.endsWith('16') ? 2 : 4;
}

export interface AnswerOptions {
  readonly thread?: number;
  readonly emit?: (event: SharedEvent) => void;
}

/** Runs `body` from its start, answering from `log`; throws a ReplayError when it strays from the log. */
export function answer<Result>(
  body: (mem: Shared) => Result,
  log: readonly Step[],
  { thread = 0, emit }: AnswerOptions = {},
): Run<Result> {
  return answerAsked((replay) => {
    const mem = new AskingShared(thread, replay.ask, replay.claim);
    if (emit !== undefined) {
      mem.emit = (event) => {
        if (!replay.stopped) emit(event);
      };
    }
    return body(mem);
  }, log);
}

/** What a body that does not go by the seam's verbs may use: see `answerAsked`. */
export interface Replay {
  readonly ask: Ask;
  readonly claim: (live: readonly number[]) => void;
  /** The body has met the operation that the log does not answer: nothing that it does from here on happens. */
  readonly stopped: boolean;
}

/** As `answer`, for a body that asks for its operations itself. */
export function answerAsked<Result>(
  body: (replay: Replay) => Result,
  log: readonly Step[],
): Run<Result> {
  let position = 0;
  let pending: Operation | undefined;
  let again: Again | undefined;
  /** Thrown again at every verb, so that a body's own catch or finally cannot carry it past this point. */
  let stopped: Error | undefined;
  const ask: Ask = (operation) => {
    if (stopped !== undefined) throw stopped;
    const step = log[position++];
    if (step === undefined) {
      pending = operation;
      stopped = new Error('end of log');
    } else if (!isSameOperation(step.operation, operation)) {
      stopped = strayed(position - 1, step.operation, operation);
    } else {
      return step.answer;
    }
    throw stopped;
  };
  const replay: Replay = {
    ask,
    claim(live) {
      if (stopped === undefined) again = new Claim(position, live);
    },
    get stopped() {
      return stopped !== undefined;
    },
  };
  let run: Run<Result>;
  try {
    run = { state: 'ended', result: body(replay) };
  } catch (error) {
    run = { state: 'threw', error };
  }
  if (stopped instanceof ReplayError) throw stopped;
  if (pending === undefined) {
    const left = log[position];
    if (left !== undefined) throw strayed(position, left.operation, undefined);
    return run;
  }
  return new PendingRun(pending, stopped, again);
}

// Both know their site by an Error and write it out only when asked: that costs more than all the rest of a run.

class PendingRun {
  readonly state = 'pending';
  readonly operation: Operation;
  readonly again: Again | undefined;
  readonly #stopped: Error | undefined;

  constructor(operation: Operation, stopped: Error | undefined, again: Again | undefined) {
    this.operation = operation;
    this.#stopped = stopped;
    this.again = again;
  }

  get site(): string {
    return this.#stopped?.stack ?? '';
  }
}

class Claim implements Again {
  readonly position: number;
  readonly live: readonly number[];
  readonly #here = new Error('claim');

  constructor(position: number, live: readonly number[]) {
    this.position = position;
    this.live = live;
  }

  get site(): string {
    return this.#here.stack ?? '';
  }
}

function strayed(position: number, expected: Operation, got: Operation | undefined): ReplayError {
  return new ReplayError(
    `operation ${position}: expected ${formatOperation(expected)} as in the log, ` +
      `got ${got === undefined ? 'the end of the body' : formatOperation(got)}; usual cause: ` +
      'the body keeps state outside itself, or depends on time, random numbers or the order of another thread',
  );
}

/** Runs `body` on a real backend and writes down each operation with what it found. */
export function record<Result>(
  body: (mem: Shared) => Result,
  mem: Shared,
): { result: Result; log: Step[] } {
  const log: Step[] = [];
  const recorder = new AskingShared(mem.thread, (operation) => {
    const step = { operation, answer: perform(mem, operation) };
    log.push(step);
    return step.answer;
  });
  recorder.emit = mem.emit;
  return { result: body(recorder), log };
}

/** Drives `body` to its end one unanswered operation at a time, each performed on `mem`: the log backend as a backend. */
export function drive<Result>(body: (mem: Shared) => Result, mem: Shared): Result {
  const log: Step[] = [];
  let told = 0;
  for (;;) {
    // Each run emits the events of the ones before it again.
    let events = 0;
    const emit = (event: SharedEvent): void => {
      if (events++ < told) return;
      told++;
      mem.emit?.(event);
    };
    const options = { thread: mem.thread, ...(mem.emit && { emit }) };
    const run = answer(body, log, options);
    if (run.state === 'ended') return run.result;
    if (run.state === 'threw') throw run.error;
    log.push({ operation: run.operation, answer: perform(mem, run.operation) });
  }
}
