// The drawing as Markdown, for an issue or a report. In: a violation; out: headings, a table with a column per thread,
// lists, the command in a fence. Whatever a program calls its words is escaped.
import type { Violation } from '../verdict.ts';
import { type Drawing, type DrawOptions, drawingOf, OOPS } from './drawing.ts';
import type { Row } from './rows.ts';

/** Ends without a line break. `width` has no meaning here. */
export function drawMarkdown(violation: Violation, options: DrawOptions = {}): string {
  const drawing = drawingOf(violation, options);
  const { title, notes = [], replay } = options;
  const blocks = [
    title === undefined ? '' : `## ${escaped(title)}`,
    escaped(drawing.beginning ?? ''),
    tableOf(drawing),
    ...drawing.sentences.map(escaped),
    ...drawing.lists.flatMap(({ heading, items }) => [
      `### ${heading}`,
      items.map((item) => `- ${escaped(item)}`).join('\n'),
    ]),
    ...notes.map(escaped),
    ...legendBlocks(drawing),
    ...(replay === undefined ? [] : ['### Again', fenced(replay)]),
  ];
  return blocks.filter((block) => block !== '').join('\n\n');
}

function tableOf({ threads, rows, oopsAt }: Drawing): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const inColumn = (thread: number, text: string): readonly string[] =>
    threads.map((_, column) => (column === thread ? text : ''));
  return [
    line(['', ...threads.map(escaped)]),
    line(['--:', ...threads.map(() => '---')]),
    ...rows.map((row, index) => line([`${index + 1}`, ...inColumn(row.thread, cellOf(row))])),
    line(['', ...inColumn(oopsAt, `**${OOPS}**`)]),
  ].join('\n');
}

const cellOf = ({ text, state, note }: Row): string =>
  [
    escaped(text),
    ...(state === undefined ? [] : [`**${escaped(state)}**`]),
    ...(note === undefined ? [] : [`_${escaped(note)}_`]),
  ].join('<br>');

function legendBlocks({ legend }: Drawing): readonly string[] {
  if (legend.length === 0) return [];
  const lines = legend.map(({ row, text }) => `- ${row}: ${escaped(text)}`);
  return ['### Source lines', lines.join('\n')];
}

const escaped = (text: string): string =>
  text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<|#~&]/g, '\\$&');

/** The fence is longer than any run of backticks inside. */
function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}sh\n${text}\n${fence}`;
}
