// Everything that a drawing says, before it has a shape. In: a violation and options; out: rows, the line about the
// beginning, the sentences and lists at the end, and the source lines by row. Text, Markdown and SVG are made from it.
import type { MemoryModel } from '../program.ts';
import type { Violation } from '../verdict.ts';
import { type Ending, endingOf } from './ending.ts';
import { type Row, rowsOf } from './rows.ts';
import { sourceLines } from './source-lines.ts';
import { kindOf } from './verbs.ts';

export interface DrawOptions {
  readonly title?: string | undefined;
  /** The command that shows the execution again. */
  readonly replay?: string | undefined;
  /** Sentences below the drawing: what else was tried. */
  readonly notes?: readonly string[] | undefined;
  /** Columns of text; 80 if absent, 40 at least. */
  readonly width?: number | undefined;
  /** Frames of each stack that are named; 1 if absent. */
  readonly frames?: number | undefined;
  /** What the execution ran under. If absent, a drain tells TSO. */
  readonly model?: MemoryModel | undefined;
}

export interface Legend {
  /** From 1. */
  readonly row: number;
  readonly text: string;
}

export interface Drawing extends Ending {
  readonly threads: readonly string[];
  readonly beginning: string | undefined;
  readonly rows: readonly Row[];
  /** Under which thread the end is marked: it made the last step. */
  readonly oopsAt: number;
  readonly legend: readonly Legend[];
}

export const OOPS = 'OOPS!!!';

export function drawingOf(violation: Violation, options: DrawOptions): Drawing {
  const { execution, fault } = violation;
  const rows = execution === undefined ? [] : rowsOf(execution, fault, options.model);
  const legend = rows.map(({ sites }, index) => ({
    row: index + 1,
    text: sourceLines(sites, options.frames ?? 1),
  }));
  return {
    ...endingOf(violation),
    threads: execution?.threads ?? [],
    beginning: beginningOf(violation, rows),
    rows,
    oopsAt: rows.at(-1)?.thread ?? 0,
    legend: legend.filter(({ text }) => text !== ''),
  };
}

/** The first values of the words that the rows tell of; a lock that is free is no news. */
function beginningOf({ execution }: Violation, rows: readonly Row[]): string | undefined {
  if (execution === undefined) return undefined;
  const told = new Set(rows.flatMap(({ reads, writes }) => [...reads, ...writes]));
  for (const { operation, name } of execution.standing) {
    if (operation === undefined || name === undefined) continue;
    if (kindOf(operation) !== 'lock' && kindOf(operation) !== 'unlock') told.add(name);
  }
  const isBadFromTheFirst = execution.steps.length === 0 && told.size === 0;
  const words = execution.initial.filter(({ name }) => isBadFromTheFirst || told.has(name));
  if (words.length === 0) return undefined;
  return `At the beginning: ${words.map(({ name, text }) => `${name} = ${text}`).join(', ')}`;
}
