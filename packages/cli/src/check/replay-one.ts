// `faultline check NAME --replay SCHEDULE`: one schedule carried out and told whole.
import {
  drawMarkdown,
  drawSvg,
  drawText,
  type Replayed,
  replaySchedule,
  type Violation,
} from '@faultline/checker';
import { EXIT_FINDING, EXIT_OK } from '../exit.ts';
import { count } from '../table.ts';
import { wrap } from '../wrap.ts';
import { type Answer, fenced, paragraphs } from './answer.ts';
import type { Format, Settings } from './settings.ts';
import { optionsOf } from './stages.ts';
import { stepLines } from './steps.ts';
import type { Subject } from './subject.ts';

const FRAMES = 3;

/** Throws a ScheduleError where the schedule does not fit the program. */
export function replayOne(
  subject: Subject,
  schedule: string,
  settings: Settings,
  format: Format,
): Answer {
  const program = subject.program();
  const { execution, fault, repeats } = replaySchedule(program, schedule, optionsOf(settings));
  const code = fault === undefined ? EXIT_OK : EXIT_FINDING;
  const { steps } = execution;
  const title = `${program.name}: ${steps.length} ${steps.length === 1 ? 'step' : 'steps'} under ${settings.model}`;
  if (format === 'json') {
    const told = {
      program: program.name,
      model: settings.model,
      ...fault,
      repeats,
      execution,
    };
    return {
      out: `${JSON.stringify({ schema: 'faultline/replay', version: 1, ...told })}\n`,
      code,
    };
  }
  const violation = fault && {
    ...fault,
    oops: program.oops,
    execution,
    ...(repeats && { repeats }),
  };
  const options = { title, model: settings.model, frames: FRAMES };
  const every = ['Every step:', ...stepLines(execution)].join('\n');
  const nothing = nothingFails(execution, repeats);
  const draw = (drawn: (violation: Violation, of: typeof options) => string): string =>
    violation === undefined ? '' : drawn(violation, options);
  switch (format) {
    case 'text':
      return { out: paragraphs([draw(drawText) || title, every, fault ? '' : nothing]), code };
    case 'markdown':
      return {
        out: paragraphs([draw(drawMarkdown) || `## ${title}`, fenced(every), fault ? '' : nothing]),
        code,
      };
    case 'svg':
      return fault === undefined
        ? { out: '', aside: `faultline: expected a violation to draw, got none\n`, code }
        : { out: `${draw(drawSvg)}\n`, code };
  }
}

const leadBack = (steps: number): string =>
  steps === 1
    ? 'The last step leads back to where it began'
    : `The last ${count(steps)} steps lead back to where they began`;

function nothingFails(
  { threads, standing }: Replayed['execution'],
  repeats: number | undefined,
): string {
  const going = threads.filter((_, thread) => standing[thread]?.state === 'running');
  if (going.length === 0) return 'Nothing fails along it, nor at its end.';
  const could = `it is no whole execution: ${going.join(', ')} could go on.`;
  const cycle = repeats === undefined ? '' : ` ${leadBack(repeats)}.`;
  return wrap(`Nothing fails along it; ${could}${cycle}`);
}
