export { check, mutants, replaySchedule } from './check.ts';
export { compareModels, type ModelDifference, newOutcomes } from './compare-models.ts';
export { drawJson } from './draw/draw-json.ts';
export { drawMarkdown } from './draw/draw-markdown.ts';
export { drawSvg } from './draw/draw-svg.ts';
export { drawText } from './draw/draw-text.ts';
export type { DrawOptions } from './draw/drawing.ts';
export { formatVerdict } from './draw/verdict-text.ts';
export type {
  Change,
  ExecutedStep,
  Execution,
  Frame,
  Said,
  Standing,
} from './execution.ts';
export { type Fences, findFences } from './fences.ts';
export {
  assertHolds,
  CheckError,
  type CheckerMatchers,
  checkerMatchers,
  type Matched,
} from './matcher.ts';
export type { Mutant, Place } from './mutation.ts';
export type { Budget, CheckOptions } from './options.ts';
export {
  type Checkpoint,
  checkFrom,
  checkPart,
  joinParts,
  looksFurther,
  type Part,
  type PartVerdict,
  partsOf,
} from './parts.ts';
export type {
  Body,
  MemoryModel,
  NamedWord,
  Program,
  Property,
  Results,
  Thread,
} from './program.ts';
export type { Replayed } from './replay.ts';
export { ScheduleError } from './schedule.ts';
export type { Assumption, Fault, Search, Verdict, Violation } from './verdict.ts';
