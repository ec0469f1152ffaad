// The drawing as text that can be pasted into a mail. In: a violation; out: lines of at most `width` columns: the values
// at the beginning, time downward with a column per thread, what failed, source lines by row, the command that repeats it.
import type { Violation } from '../verdict.ts';
import { type Drawing, type DrawOptions, drawingOf } from './drawing.ts';
import { wrap } from './layout.ts';
import { commandLines } from './replay-command.ts';
import { tableLines } from './table.ts';

/** Ends without a line break. */
export function drawText(violation: Violation, options: DrawOptions = {}): string {
  const width = Math.max(options.width ?? 80, 40);
  const drawing = drawingOf(violation, options);
  const { title = '', notes = [], replay } = options;
  return [
    ...wrap(title, width),
    ...wrap(drawing.beginning ?? '', width, '  '),
    ...tableLines(drawing, width),
    ...drawing.sentences.flatMap((text) => wrap(text, width)),
    ...drawing.lists.flatMap(({ heading, items }) => [
      `${heading}:`,
      ...items.flatMap((item) => wrap(item, width - 2, '  ').map((line) => `  ${line}`)),
    ]),
    ...notes.flatMap((text) => wrap(text, width)),
    ...legendLines(drawing, width),
    ...(replay === undefined ? [] : ['', 'Again:', ...commandLines(replay, width)]),
  ].join('\n');
}

function legendLines({ legend }: Drawing, width: number): readonly string[] {
  if (legend.length === 0) return [];
  const digits = String(legend.at(-1)?.row).length;
  const lines = legend.flatMap(({ row, text }) =>
    wrap(text, width - digits - 2, '  ').map(
      (line, y) => ` ${(y === 0 ? `${row}` : '').padStart(digits)} ${line}`,
    ),
  );
  return ['', 'Source lines:', ...lines];
}
