// The litmuses and what each is about.
import { LITMUS } from '@faultline/litmus';
import { wrap } from '../wrap.ts';

const HEAD = ['litmus', 'result', 'models'] as const;

/** `faultline check --list`: name, result and models in columns, the title below. */
export function listText(): string {
  const width = Math.max(...LITMUS.map(({ name }) => name.length)) + 2;
  const line = ([name, result, models]: readonly [string, string, string]): string =>
    `${name.padEnd(width)}${result.padEnd('Sometimes  '.length)}${models}`;
  return [
    line(HEAD),
    ...LITMUS.flatMap(({ name, result, models = ['sc'], title }) => [
      line([name, result, models.join(', ')]),
      wrap(title.replace(/\.$/, ''), '    '),
    ]),
    '',
  ].join('\n');
}

export function listMarkdown(): string {
  return [
    '| litmus | result | models | title |',
    '| --- | --- | --- | --- |',
    ...LITMUS.map(
      ({ name, result, models = ['sc'], title }) =>
        `| ${name} | ${result} | ${models.join(', ')} | ${title.replaceAll('|', '\\|')} |`,
    ),
    '',
  ].join('\n');
}

export function listJson(): string {
  const litmuses = LITMUS.map(({ program: _, models = ['sc'], ...told }) => ({ ...told, models }));
  return `${JSON.stringify({ schema: 'faultline/litmus', version: 1, litmuses })}\n`;
}
