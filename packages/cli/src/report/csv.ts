// Figures as CSV (RFC 4180), a line each.
import type { Figure } from '@faultline/trace';

export const asCsv = (figures: readonly Figure[]): string =>
  [['key', 'label', 'value', 'unit', 'better'], ...figures.map(row)]
    .map((cells) => `${cells.map(quoted).join(',')}\r\n`)
    .join('');

const row = ({ key, label, value, unit, better }: Figure): string[] => [
  key,
  label,
  Number.isNaN(value) ? '' : String(value),
  unit,
  better ?? '',
];

const quoted = (text: string): string =>
  /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
