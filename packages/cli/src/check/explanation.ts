// `faultline explain NAME`: what happened, drawn as it is found now, and what mended it.
import { type Budget, drawText, replaySchedule, type Verdict } from '@faultline/checker';
import { LITMUS, type Litmus } from '@faultline/litmus';
import { count } from '../table.ts';
import { wrap } from '../wrap.ts';
import { paragraphs } from './answer.ts';
import { replayWords } from './replay-words.ts';
import { PLAIN } from './settings.ts';
import { checkInStages } from './stages.ts';

const INDENT = '  ';

/** Checks the litmus if it has something to draw. */
export function explanation(litmus: Litmus): string {
  const { name, title, result, source, story, fix, links, models = ['sc'] } = litmus;
  const under = models.length === 1 && models[0] === 'sc' ? '' : ` (${models.join(', ')})`;
  const isRace = result === 'Sometimes';
  return paragraphs([
    [name, wrap(title), `Result: ${result}${under}`, wrap(`Source: ${source}`)].join('\n'),
    told(isRace ? 'What happens' : 'What it is about', story),
    isRace ? foundNow(litmus) : '',
    drawnThen(litmus),
    told(isRace ? 'What mends it' : 'Why it holds', fix),
    partners(litmus),
    links.length === 0 ? '' : ['See', ...links.map((link) => INDENT + link)].join('\n'),
  ]);
}

const told = (heading: string, text: string): string => `${heading}\n${wrap(text, INDENT)}`;

/** A repair that takes longer is not worth waiting for here. */
const MOST_MS = 10_000;

function checked({ models = ['sc'], program }: Litmus, budget: Budget): Verdict {
  const model = models[0] ?? 'sc';
  return checkInStages(program(), { ...PLAIN, model, budget }).verdict;
}

function foundNow(litmus: Litmus): string {
  const verdict = checked(litmus, {});
  const { violation, model } = verdict;
  const effort = effortOf(verdict);
  if (violation === undefined) return `Found now: nothing, after ${effort}.`;
  const schedule = violation.execution?.schedule;
  const replay = schedule && replayWords(litmus.name, { ...PLAIN, model }, schedule);
  return `Found now, after ${effort}\n\n${drawText(violation, { model, replay })}`;
}

/** The same race in the interleaving that its finder drew. */
function drawnThen({ name, drawn, models = ['sc'], program }: Litmus): string {
  if (drawn === undefined) return '';
  const model = models[0] ?? 'sc';
  const { execution, fault } = replaySchedule(program(), drawn, { model });
  if (fault === undefined) throw new Error(`expected ${name} to fail along ${drawn}, got no fault`);
  const replay = replayWords(name, { ...PLAIN, model }, drawn);
  const violation = { ...fault, oops: program().oops, execution };
  return `As it was drawn then\n\n${drawText(violation, { model, replay })}`;
}

const effortOf = ({ states, ms }: Verdict): string =>
  `${count(states)} states in ${(ms / 1000).toFixed(1)} s`;

/** Repairs of a race are checked too, so that both can be seen. */
function partners(litmus: Litmus): string {
  const all = LITMUS.filter(({ name, pair }) => name === litmus.pair || pair === litmus.name);
  const holding = all.filter(({ result }) => result === 'Never');
  const broken = all.filter(({ result }) => result === 'Sometimes');
  const lines = (litmuses: readonly Litmus[], said: (one: Litmus) => string): readonly string[] =>
    litmuses.map((one) => wrap(`${one.name}${said(one)}: ${one.title}`, INDENT, INDENT + INDENT));
  const verdictOf = (one: Litmus): string => {
    if (litmus.result === 'Never') return '';
    const verdict = checked(one, { ms: MOST_MS });
    const said = { holds: 'holds', violated: 'VIOLATED', budget: 'nothing found so far' };
    return ` (${said[verdict.verdict]}, ${effortOf(verdict)})`;
  };
  return [
    ...(holding.length === 0 ? [] : ['As it should be', ...lines(holding, verdictOf)]),
    ...(broken.length === 0 ? [] : ['With a mistake', ...lines(broken, () => '')]),
  ].join('\n');
}
