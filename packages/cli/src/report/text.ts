// Sections as text that fits a mail: at most 100 columns.
import { formatTable } from '../table.ts';
import { wrap } from '../wrap.ts';
import type { Section } from './section.ts';

const WIDTH = 100;
const INDENT = '  ';
const ARROW = '  => ';

/** Ends with a line break. */
export const asText = (sections: readonly Section[]): string =>
  sections.map((section) => `${sectionLines(section).join('\n')}\n`).join('\n');

function sectionLines({
  title,
  sentences = [],
  table,
  soWhat = [],
  drawings = [],
}: Section): string[] {
  return [
    wrap(title, '', INDENT, WIDTH),
    ...sentences.map((sentence) => wrap(sentence, INDENT, `${INDENT}  `, WIDTH)),
    ...(table === undefined || table.rows.length === 0
      ? []
      : indented(formatTable(table.head, table.rows, table).split('\n'))),
    ...soWhat.map(({ of, text }) =>
      wrap(of === undefined ? text : `${of}: ${text}`, ARROW, '     ', WIDTH),
    ),
    ...drawings.flatMap(({ heading, lines }) => ['', ...indented([heading, ...lines])]),
  ];
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => INDENT + line);
