// Faults whose spte changed under them, and the drawings of those in which a right was withdrawn.
import { drawRace, RACE_KINDS, type Race, type Report, raceKinds } from '@faultline/trace';
import { count } from '../../table.ts';
import type { Section } from '../section.ts';
import { plural, pointInTime, type Unit } from '../units.ts';

/** On the page; `--races` draws all that are kept. */
const DRAWN = 2;

export function races(report: Report, { all }: { readonly all: boolean }): Section {
  const { raceCounts, races: kept, unit } = report;
  const found = raceKinds.filter((kind) => raceCounts[kind] > 0);
  const total = found.reduce((sum, kind) => sum + raceCounts[kind], 0);
  if (total === 0)
    return { title: 'Races: no spte changed between a fault and the look of the fast path' };
  const withdrawn = kept.filter(({ kind }) => kind === 'withdrawn');
  const drawn = all ? kept.toSorted((a, b) => a.time - b.time) : withdrawn.slice(0, DRAWN);
  return {
    title: `Races: ${plural(total, 'fault')} whose spte changed in flight`,
    table: {
      head: ['count'],
      rows: found.map((kind) => ({
        name: RACE_KINDS[kind].label,
        cells: [count(raceCounts[kind])],
      })),
    },
    soWhat: found.map((kind) => {
      const { label, meaning } = RACE_KINDS[kind];
      return { of: label, text: meaning };
    }),
    drawings: drawn.map((race) => drawing(race, unit)),
    ...leftWords(total, kept.length, { all, withdrawn: withdrawn.length }),
  };
}

function drawing(race: Race, unit: Unit): { heading: string; lines: readonly string[] } {
  const { heading, lines } = drawRace(race);
  return { heading: `${pointInTime(race.time, unit)}: ${heading}`, lines };
}

function leftWords(
  total: number,
  kept: number,
  { all, withdrawn }: { readonly all: boolean; readonly withdrawn: number },
): { sentences?: readonly string[] } {
  if (all && kept < total)
    return {
      sentences: [`the first 200 of each kind are drawn, ${count(kept)} of ${count(total)}`],
    };
  if (all || withdrawn <= DRAWN) return {};
  return { sentences: [`--races draws the other ${count(withdrawn - DRAWN)} too`] };
}
