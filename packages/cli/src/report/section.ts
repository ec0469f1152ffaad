// A part of the report before it is text or Markdown: a title, sentences, a table, what to do, drawings.
import type { Row } from '../table.ts';

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly Row[];
  /** Columns of words, by index. */
  readonly leftAligned?: readonly number[];
}

export interface SoWhat {
  /** Which of the figures is meant; absent where the section has only one. */
  readonly of?: string;
  readonly text: string;
}

export interface Section {
  readonly title: string;
  /** What is to be known before the table. */
  readonly sentences?: readonly string[];
  readonly table?: Table;
  /** What to do about it. */
  readonly soWhat?: readonly SoWhat[];
  /** Drawings as they are to be shown, a heading and its lines each. */
  readonly drawings?: readonly { readonly heading: string; readonly lines: readonly string[] }[];
}
