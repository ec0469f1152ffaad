// The exit code of a trace that was read to its end.
import { isComplete, isDamaged, type TraceSummary } from '@faultline/trace';
import { EXIT_INPUT, EXIT_OK } from './exit.ts';

/** Whatever else was found: damaged is no success, nor with `--strict` are gaps. */
export const inputCode = (summary: TraceSummary, strict = false): number =>
  isDamaged(summary) || (strict && !isComplete(summary)) ? EXIT_INPUT : EXIT_OK;
