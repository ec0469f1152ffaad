// Files to check, written for one test each.
import { type CheckOptions, check, type Program, type Verdict } from '@faultline/checker';
import { loadProgram } from '../src/check-file/load-program.ts';
import { scratch } from './command.ts';

export interface Files {
  readonly path: string;
  /** Writes a file and loads it as a program. */
  program(text: string, name?: string): Promise<Program>;
  /** And checks it. */
  verdict(text: string, options?: CheckOptions & { readonly name?: string }): Promise<Verdict>;
  /** The message with which it is refused, without the directory. */
  refusal(text: string, name?: string): Promise<string>;
  put(name: string, text: string): string;
}

export function files(): Files {
  const { path, put } = scratch();
  const program = (text: string, name = 'file.js'): Promise<Program> =>
    loadProgram(put(name, text));
  const verdict: Files['verdict'] = async (text, { name, ...options } = {}) =>
    check(await program(text, name), options);
  return {
    path,
    put,
    program,
    verdict,
    async refusal(text, name) {
      try {
        await verdict(text, name === undefined ? {} : { name });
      } catch (error) {
        return (error as Error).message.replaceAll(`${path}/`, '');
      }
      return 'no refusal';
    },
  };
}

/** The value that a single thread returned, as JSON has it: null where it was undefined. */
export const outcomeOf = ({ outcomes }: Verdict): unknown =>
  JSON.parse((outcomes[0] ?? 'null').replaceAll('{"$undefined":true}', 'null'));
