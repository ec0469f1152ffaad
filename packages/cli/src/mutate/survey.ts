// What a litmus comes by in the shipped code: the operations that its threads do, and the conditions that they ask.

import { type Profiler, Session } from 'node:inspector';
import {
  type CheckOptions,
  check,
  type MemoryModel,
  mutants,
  type Program,
} from '@faultline/checker';
import { LITMUS } from '@faultline/litmus';
import type { OfOperation } from './mutant.ts';
import { conditionMutants, operationMutant, shippedFiles } from './shipped.ts';

/** A litmus under one of its models. */
export interface Try {
  readonly litmus: string;
  readonly model: MemoryModel;
}

export interface Survey extends Try {
  /** false: it does not hold as it ships, or its budget ended. It cannot tell a mutant. */
  readonly holds: boolean;
  readonly states: number;
  /** Of the longest execution. */
  readonly depth: number;
  readonly ms: number;
  readonly operations: readonly OfOperation[];
  /** Names of the conditions that it asks. */
  readonly conditions: readonly string[];
  /** Of these, guards that it never finds true: without them it does the same. */
  readonly neverTrue: readonly string[];
}

const BUDGET = { ms: 120_000, bytes: 2 ** 30 };

/** Every litmus that is claimed to hold, under each model in which it is. */
export const tries = (): Try[] =>
  LITMUS.filter(({ result }) => result === 'Never').flatMap(({ name, models = ['sc'] }) =>
    models.map((model) => ({ litmus: name, model })),
  );

export const programOf = (name: string): Program => {
  const litmus = LITMUS.find((one) => one.name === name);
  if (litmus === undefined) throw new Error(`expected a litmus, got '${name}'`);
  return litmus.program();
};

/** `at` is told before, and as it goes on. */
export function survey(of: Try, at: (of: Try) => void): Survey {
  at(of);
  const files = shippedFiles();
  const options: CheckOptions = {
    model: of.model,
    minimize: false,
    budget: BUDGET,
    progress: () => at(of),
  };
  const started = Date.now();
  const { result, evaluated } = covered(() => check(programOf(of.litmus), options));
  const ms = Date.now() - started;
  const conditions = conditionMutants(files).filter(({ url, condition }) =>
    evaluated(url, condition),
  );
  return {
    ...of,
    holds: result.verdict === 'holds',
    states: result.states,
    depth: result.depth,
    ms,
    operations: mutants(programOf(of.litmus), options).flatMap(
      (mutant) => operationMutant(files, mutant) ?? [],
    ),
    conditions: conditions.map(({ id }) => id),
    neverTrue: conditions
      .filter(({ url, condition: { body } }) => body !== undefined && !evaluated(url, body))
      .map(({ id }) => id),
  };
}

interface Range {
  readonly start: number;
  readonly end: number;
}

interface Covered<Result> {
  readonly result: Result;
  readonly evaluated: (url: string, range: Range) => boolean;
}

/** Runs it with V8 counting which expressions are evaluated. */
function covered<Result>(run: () => Result): Covered<Result> {
  const profiler = counting();
  ask(profiler, 'Profiler.takePreciseCoverage'); // the counts begin anew
  const result = run();
  const { result: scripts } = ask(profiler, 'Profiler.takePreciseCoverage') as {
    result: Profiler.ScriptCoverage[];
  };
  const ranges = new Map(
    scripts.map(({ url, functions }) => [url, functions.flatMap((one) => one.ranges)]),
  );
  return { result, evaluated: (url, range) => countAt(ranges.get(url), range) > 0 };
}

let session: Session | undefined;

/** For as long as this thread lives: code that is compiled while nobody counts has no counters later. */
function counting(): Session {
  if (session !== undefined) return session;
  session = new Session();
  session.connect();
  ask(session, 'Profiler.enable');
  ask(session, 'Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  return session;
}

/** The narrowest range says it. */
function countAt(
  ranges: readonly Profiler.CoverageRange[] | undefined,
  { start, end }: Range,
): number {
  const around = (ranges ?? []).filter((one) => one.startOffset <= start && one.endOffset >= end);
  const widths = around.map((one) => one.endOffset - one.startOffset);
  return around[widths.indexOf(Math.min(...widths))]?.count ?? 0;
}

/** The session is of this thread, so that it answers before it returns. */
function ask(session: Session, method: string, params: object = {}): unknown {
  let answer: unknown;
  session.post(method, params, (error: Error | null, result?: object) => {
    if (error !== null) throw new Error(`${method}: ${error.message}`);
    answer = result;
  });
  return answer;
}
