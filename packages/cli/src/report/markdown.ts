// Sections as Markdown, for a ticket.
import type { Section, Table } from './section.ts';

/** Ends with a line break. */
export const asMarkdown = (sections: readonly Section[]): string =>
  `${sections.map((section, n) => blocks(section, n === 0 ? '##' : '###').join('\n\n')).join('\n\n')}\n`;

function blocks(section: Section, heading: string): string[] {
  const { title, sentences = [], table, soWhat = [], drawings = [] } = section;
  return [
    `${heading} ${escaped(title)}`,
    ...(sentences.length === 0 ? [] : [sentences.map(escaped).join('  \n')]),
    ...(table === undefined || table.rows.length === 0 ? [] : [tableText(table)]),
    ...(soWhat.length === 0 ? [] : [soWhat.map(soWhatLine).join('\n')]),
    ...drawings.map(({ heading: of, lines }) => ['```text', of, ...lines, '```'].join('\n')),
  ];
}

const soWhatLine = ({ of, text }: { of?: string; text: string }): string =>
  `- ${of === undefined ? '' : `**${escaped(of)}**: `}${escaped(text)}`;

function tableText({ head, rows, leftAligned = [] }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(['', ...head.map(escaped)]),
    line(['---', ...head.map((_, column) => (leftAligned.includes(column) ? '---' : '---:'))]),
    ...rows.map(({ name, cells }) => line([name, ...cells].map(escaped))),
  ].join('\n');
}

const escaped = (text: string): string => text.replace(/[\\`*_[\]<|#~]/g, '\\$&');
