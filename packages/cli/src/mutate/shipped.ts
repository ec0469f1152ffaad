// The files that ship and that litmuses run: the MMU, and the protocols of the seam. As they were built, because a source is
// changed as it is loaded; named as they were written.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { SourceMapPayload } from 'node:module';
import { basename } from 'node:path';
import type { Mutant as OperationMutant } from '@faultline/checker';
import type { OfCondition, OfOperation } from './mutant.ts';
import { type Outline, outline, without } from './outline.ts';

/** From dist/cli/src/mutate, or from where that was written. */
const DIST = new URL(
  import.meta.url.endsWith('.ts') ? '../../../../dist/' : '../../../',
  import.meta.url,
);
const FOLDERS = ['fault', 'host', 'dirty', 'vm', 'vcpu', 'spte'].map((name) => `mmu/src/${name}/`);
const SEAM = ['grace-period', 'mutex', 'rwlock'].map((name) => `atomics/src/${name}.js`);

/** What these decide is no protocol: they judge input for the user, count, write text, or serve properties alone. */
const ASIDE: ReadonlySet<string> = new Set([
  ...['check', 'checkFlags', 'checkNewFlags', 'checkMemslot', 'apart', 'clientBitmap', 'vmConfig'],
  ...['count', 'formatSpte', 'illegalState', 'forEachSpte'],
]);

export interface ShippedFile extends Outline {
  /** Of the built file. */
  readonly url: string;
  /** `dirty-bitmap.ts` */
  readonly name: string;
  /** `mmu/src/dirty/dirty-bitmap.ts` */
  readonly source: string;
}

/** Empty where nothing has been built. */
export function shippedFiles(): ShippedFile[] {
  return [...FOLDERS.flatMap(filesIn), ...SEAM]
    .filter((path) => existsSync(new URL(path, DIST)))
    .map((path) => {
      const url = new URL(path, DIST);
      const map = JSON.parse(readFileSync(new URL(`${url.href}.map`), 'utf8'));
      const source = path.replace(/js$/, 'ts');
      return {
        ...outline(readFileSync(url, 'utf8'), map as SourceMapPayload),
        url: url.href,
        source,
        name: basename(source),
      };
    });
}

function filesIn(folder: string): string[] {
  const url = new URL(folder, DIST);
  if (!existsSync(url)) return [];
  return readdirSync(url)
    .filter((name) => name.endsWith('.js'))
    .sort()
    .map((name) => folder + name);
}

/** Each condition that may be left unheeded. */
export const conditionMutants = (files: readonly ShippedFile[]): OfCondition[] =>
  files.flatMap(({ url, name, conditions }) =>
    conditions
      .filter((one) => !ASIDE.has(one.function))
      .map((condition) => {
        const { kind, text, function: within, line } = condition;
        const like = conditions.filter(
          (one) => one.kind === kind && one.text === text && one.function === within,
        );
        const number = like.length === 1 ? '' : ` #${like.indexOf(condition) + 1}`;
        const id = `${kind} '${text}' ${within}${number}`;
        return { id, place: `${name}:${line}`, function: within, url, condition };
      }),
  );

/** The built text with the mutant in it. */
export const mutatedText = ({ url, condition }: OfCondition): string =>
  without(readFileSync(new URL(url), 'utf8'), condition);

/** The mutant by its name, if it is of a shipped file. */
export function operationMutant(
  files: readonly ShippedFile[],
  operation: OperationMutant,
): OfOperation | undefined {
  const { kind, verb, file, line } = operation;
  const shipped = files.find(({ source }) => file.replaceAll('\\', '/').endsWith(`/${source}`));
  if (shipped === undefined) return undefined;
  const calls = shipped.calls.filter((call) => call.verb === verb);
  const here = calls.find((call) => call.line === line);
  const within = here?.function ?? operation.function;
  const lines = [
    ...new Set(calls.filter((call) => call.function === within).map((call) => call.line)),
  ];
  const number = lines.length <= 1 ? '' : ` #${lines.indexOf(line) + 1}`;
  const id = `${kind} ${verb} ${within}${number}`;
  return { id, place: `${shipped.name}:${line}`, function: within, operation };
}
