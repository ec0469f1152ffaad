// A race drawn as kernel people draw it: time downward, a column for the vCPU and one for whoever changed the spte.
import { RACE_KINDS, type Race } from './race.ts';
import { raceSteps } from './race-steps.ts';

const TIME = 10;
const COLUMN = 41;
const BAR = ' | ';

export interface DrawnRace {
  readonly heading: string;
  /** At most 100 columns wide. */
  readonly lines: readonly string[];
}

/** Times beside the steps count from the fast path's look, in microseconds or ticks as the trace does. */
export function drawRace(race: Race): DrawnRace {
  const { change, notifier } = race;
  const other = change ?? notifier;
  const names = [
    `${race.task}-${race.pid} (vCPU ${race.vcpuId}, CPU ${race.cpu})`,
    other === undefined
      ? 'somebody: the trace does not tell'
      : `${other.task}-${other.pid} (CPU ${other.cpu})`,
  ] as const;
  const steps = raceSteps(race).flatMap(({ time, by, text }) => {
    const offset = time === undefined ? '' : relative(time - race.time);
    const cell = wrap(text, COLUMN);
    return cell.map((line, n) =>
      row(n === 0 ? offset : '', by === 'vcpu' ? [line, ''] : ['', line]),
    );
  });
  const { label } = RACE_KINDS[race.kind];
  return {
    heading: `${label}, gfn ${race.gfn.toString(16)}`,
    lines: [row('', names), ...steps, ...endWords(race)],
  };
}

/** Whether it was the review's race to the letter. */
function endWords({ wasFixable }: Race): string[] {
  if (wasFixable === undefined) return [];
  return wasFixable
    ? ['The fast path could have fixed what hardware saw: exactly the race of the 2012 review.']
    : ["What hardware saw was not the fast path's to fix either: nothing was at stake."];
}

const row = (offset: string, [vcpu, other]: readonly [string, string]): string =>
  `${offset.padStart(TIME)}  ${vcpu.padEnd(COLUMN)}${BAR}${other}`.trimEnd();

/** `-139.0`: whole ticks or tenths of a microsecond, and always a sign. */
function relative(offset: number): string {
  const text = offset.toFixed(1);
  return offset > 0 ? `+${text}` : text;
}

/** Broken at spaces; lines after the first are indented. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
