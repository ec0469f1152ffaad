// Loads that others have measured: dirty rates of QEMU and libvirt, and the logs of migrations that were tried. Text in, samples
// out; which of them it is, the text says.
import { TraceError } from '../trace-error.ts';
import { dirtyRates } from './dirty-rates.ts';
import { migrationStats } from './migration-stats.ts';
import { precopyLog } from './precopy-log.ts';
import type { RatePoint } from './rate-load.ts';
import type { Harvest } from './round-cost.ts';
import type { SwitchOver } from './switch-over.ts';

export interface RecordedLoad {
  readonly format: string;
  readonly samples: readonly RatePoint[];
  readonly pageSize: number;
  /** Bytes of the guest, where the text says it. */
  readonly memory?: number | undefined;
  /** Bytes a second that the migration got. */
  readonly bandwidth?: number | undefined;
  /** Bytes a second that it got once the guest had stopped. */
  readonly switchoverBandwidth?: number | undefined;
  /** Those whose time the text says. */
  readonly harvests?: readonly Harvest[];
  /** Of the VMM that wrote it. */
  readonly switchOver: SwitchOver;
}

/** What each reader answers; undefined: not its format. Throws a SyntaxError for what is, and is damaged. */
export type LoadReader = (text: string) => RecordedLoad | undefined;

const READERS: readonly LoadReader[] = [precopyLog, dirtyRates, migrationStats];

/** Undefined: none of the formats. Throws a TraceError where one is damaged. */
export function readRecordedLoad(file: string, text: string): RecordedLoad | undefined {
  for (const reader of READERS) {
    try {
      const load = reader(text);
      if (load !== undefined) return load;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const expected = 'dirty rates or migration statistics';
      throw new TraceError({ file, expected, got: error.message }, { cause: error });
    }
  }
  return undefined;
}
