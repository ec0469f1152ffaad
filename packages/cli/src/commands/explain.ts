// faultline explain: the story of one litmus, or a line for each, and what waits to be told.
import { LITMUS, type Litmus, WAITING } from '@faultline/litmus';
import { Command } from 'commander';
import { explanation } from '../check/explanation.ts';
import { findLitmus } from '../check/subject.ts';
import { wrap } from '../wrap.ts';

export const explainCommand = (): Command =>
  new Command('explain')
    .argument('[NAME]', 'a litmus; all, and what is waiting, if absent')
    .action((name: string | undefined) => {
      process.stdout.write(name === undefined ? overview() : explanation(findLitmus(name)));
    });

function overview(): string {
  const entry = (name: string, text: string): string =>
    `${name}\n${wrap(text.replace(/\.$/, ''), '    ')}`;
  const having = (result: Litmus['result']): readonly string[] =>
    LITMUS.filter((litmus) => litmus.result === result).map(({ name, title }) =>
      entry(name, title),
    );
  return [
    'Races that are found: faultline explain NAME',
    '',
    ...having('Sometimes'),
    '',
    'What holds',
    '',
    ...having('Never'),
    '',
    'Races of KVM that wait for a part of the MMU that is not here yet',
    '',
    ...WAITING.map(({ id, title, waitsFor, why }) =>
      entry(`${id}, for ${waitsFor}`, `${title}: ${why}`),
    ),
    '',
  ].join('\n');
}
