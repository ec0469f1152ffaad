// Changes to a source text that leave every line where it was.

/** Puts `text` in place of what stands from `start` to `end`; the line breaks that stood there stay. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export const insert = (at: number, text: string): Edit => ({ start: at, end: at, text });
export const blank = (start: number, end: number): Edit => ({ start, end, text: '' });

/** Edits that begin at the same place are applied in the order given, outermost first. */
export function edited(code: string, edits: readonly Edit[]): string {
  const inOrder = edits
    .map((edit, index) => ({ ...edit, index }))
    .sort((a, b) => a.start - b.start || a.index - b.index);
  let result = '';
  let at = 0;
  for (const { start, end, text } of inOrder) {
    result += code.slice(at, start) + text + blankOf(code.slice(start, end), text.length);
    at = Math.max(at, end);
  }
  return result + code.slice(at);
}

/** Spaces as long as `removed`, less what has been put in its place. */
function blankOf(removed: string, already: number): string {
  const spaces = removed.replace(/[^\n\r]/g, ' ');
  return spaces.startsWith(' '.repeat(already)) ? spaces.slice(already) : spaces;
}
