// The report for programs. `version` grows when a field changes its meaning or goes away.
import { FAULT_KINDS, RACE_KINDS, type Report, raceSteps } from '@faultline/trace';

/** One JSON object and a line break. Figures that do not exist are null. */
export const asJson = (report: Report): string =>
  `${JSON.stringify({
    schema: 'faultline/report',
    version: 1,
    ...report,
    kinds: report.kinds.map((row) => ({ ...row, ...FAULT_KINDS[row.kind] })),
    races: report.races.map((race) => ({
      ...race,
      meaning: RACE_KINDS[race.kind].meaning,
      steps: raceSteps(race),
    })),
  })}\n`;
