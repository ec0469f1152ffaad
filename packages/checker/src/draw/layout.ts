// Text in columns. In: text and widths; out: lines that are never wider.
import type { Row } from './rows.ts';

/** What is broken into lines should not be narrower. */
const WORDS = 20;
const NOTE = 24;

/** Broken at spaces; what is longer than a line is cut. Lines after the first begin with `hang`. */
export function wrap(text: string, width: number, hang = ''): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    let rest = word;
    const begun = line.trim() !== '';
    if (begun && line.length + 1 + rest.length > width) {
      lines.push(line);
      line = hang;
    } else if (begun) line += ' ';
    while (line.length + rest.length > width) {
      const room = width - line.length;
      lines.push(line + rest.slice(0, room));
      rest = rest.slice(room);
      line = hang;
    }
    line += rest;
  }
  return line.trim() === '' ? lines : [...lines, line];
}

/** A row's lines: the state at the right if there is room, else on a line of its own; then the note. */
export function cell({ text, state = '', note = '' }: Row, width: number): readonly string[] {
  const room = width - text.length - state.length;
  const body =
    state !== '' && room >= 2
      ? [text + state.padStart(room + state.length)]
      : [...wrap(text, width, '  '), ...wrap(state, width).map((line) => line.padStart(width))];
  return [...body, ...wrap(note, width - 2).map((line) => `  ${line}`)];
}

/** What a row would like to have: its text and state in one line; a note may be broken, but not to pieces. */
export const naturalWidth = ({ text, state = '', note = '' }: Row): number =>
  Math.max(text.length + (state === '' ? 0 : state.length + 2), Math.min(note.length + 2, NOTE));

/** What it needs: words alone may be broken, a change may not. */
export const neededWidth = (row: Row): number =>
  row.state === undefined ? Math.min(naturalWidth(row), WORDS) : naturalWidth(row);

/** First what columns need; what is left over makes as many of them as wide as they would like to be as it can. */
export function fitWidths(
  needed: readonly number[],
  natural: readonly number[],
  available: number,
): readonly number[] {
  const widths = share(needed, available);
  let left = available - widths.reduce((sum, width) => sum + width, 0);
  const wishes = widths.map((width, column) => Math.max((natural[column] ?? 0) - width, 0));
  for (const [column, wish] of ascending(wishes)) {
    const more = Math.min(wish, left);
    widths[column] = (widths[column] ?? 0) + more;
    left -= more;
  }
  return widths;
}

/** Whoever wants little gets it; the others share what is left. */
function share(wanted: readonly number[], available: number): number[] {
  const shares = wanted.map(() => 0);
  let left = available;
  let others = wanted.length;
  for (const [column, want] of ascending(wanted)) {
    const width = Math.min(want, Math.floor(left / others));
    shares[column] = width;
    left -= width;
    others--;
  }
  return shares;
}

const ascending = (widths: readonly number[]): readonly [column: number, width: number][] =>
  [...widths.entries()].sort((a, b) => a[1] - b[1]);
