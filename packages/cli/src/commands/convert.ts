// faultline convert: a trace for other tools to look at.
import {
  CONVERSIONS,
  type Conversion,
  gaps,
  newConverter,
  readTrace,
  type TraceSummary,
} from '@faultline/trace';
import { Command } from 'commander';
import { InputError, UsageError } from '../exit.ts';
import { inputCode } from '../input-code.ts';
import { openOutput } from '../output-file.ts';
import { Progress } from '../progress.ts';
import { count } from '../table.ts';
import { inputOption, namedTrace, strictOption, type TraceOptions } from '../trace-options.ts';
import { oneOf } from '../words.ts';

interface Options extends TraceOptions {
  readonly to: Conversion;
  readonly output: string;
}

const NOTES: Readonly<Record<Conversion, string>> = {
  perfetto: "tracks of vCPUs, harvests, dirty rate and races; Perfetto's own format",
  chrome: 'the same as Chrome trace events, for small traces',
  ndjson: 'an event to a line; what has 64 bits as hexadecimal strings',
  csv: 'an event to a row; what has no column of its own as JSON in the last',
  parquet: 'the same columns, for DuckDB and the like',
  svg: 'a heat map: which guest pages were dirtied when',
};

/** `exit` is told the exit code. */
export const convertCommand = (exit: (code: number) => void): Command =>
  new Command('convert')
    .argument('[TRACE]', 'a trace of a KVM host, in any form that is read; - for standard input')
    .addOption(inputOption())
    .requiredOption('--to <FORMAT>', `one of ${CONVERSIONS.join(', ')}`, oneOf(CONVERSIONS))
    .requiredOption('-o, --output <FILE>', 'where; - for standard output')
    .addOption(strictOption())
    .addHelpText('after', () => `\nFormats:\n${notes()}`)
    .action(async (trace: string | undefined, options: Options) => {
      exit(await convert(trace, options));
    });

const notes = (): string =>
  CONVERSIONS.map((format) => `  ${format.padEnd(10)}${NOTES[format]}`).join('\n');

async function convert(argument: string | undefined, options: Options): Promise<number> {
  const { to, output, strict } = options;
  const trace = namedTrace(argument, options);
  if (trace === undefined) throw new UsageError('expected TRACE, got nothing');
  const progress = new Progress();
  const file = openOutput(output);
  try {
    progress.show(`converting ${trace}`);
    const converter = newConverter(to, (piece) => file.write(piece));
    const summary = await readTrace(trace, (event) => converter.add(event));
    endOf(trace, converter);
    file.keep();
    progress.clear();
    say(trace, output, summary);
    return inputCode(summary, strict);
  } finally {
    file.discard();
    progress.clear();
  }
}

/** What a format needs and the trace has not is the trace's fault. */
function endOf(trace: string, converter: { end(): void }): void {
  try {
    converter.end();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(`${trace}: ${error.message}`);
  }
}

function say(trace: string, output: string, summary: TraceSummary): void {
  const lines = gaps(summary).map((gap) => `faultline: ${trace}: ${gap}\n`);
  process.stderr.write(lines.join(''));
  if (output === '-') return;
  process.stderr.write(`faultline: ${output}: ${count(summary.decoded)} events\n`);
}
