// `faultline check NAME`: one program under one model, and everything that can be said of it.
import {
  type DrawOptions,
  drawJson,
  drawMarkdown,
  drawSvg,
  drawText,
  formatVerdict,
  type Verdict,
} from '@faultline/checker';
import type { Going } from '../check-pool.ts';
import { Progress } from '../progress.ts';
import { count } from '../table.ts';
import { wrap } from '../wrap.ts';
import { type Answer, EXIT_OF, fenced, paragraphs } from './answer.ts';
import { type Comparison, compareWithSc, comparisonLines } from './compare.ts';
import { bears, claimSentence } from './expectation.ts';
import { replayWords } from './replay-words.ts';
import type { Format, Settings } from './settings.ts';
import { checkInStages, type Staged } from './stages.ts';
import type { Subject } from './subject.ts';

/** What searches came to. */
export interface Searched extends Staged {
  /** What else is to be said. */
  readonly remark?: string;
}

/** Everything found, in no format yet. */
interface Found extends Searched {
  readonly subject: Subject;
  readonly settings: Settings;
  readonly comparison?: Comparison;
  /** The command that shows the violation again. */
  readonly replay?: string;
}

const MS_BETWEEN_SIGNS = 100;

export function checkOne(subject: Subject, settings: Settings, format: Format): Answer {
  const progress = new Progress();
  try {
    const staged = checkInStages(subject.program(), settings, signs(subject, progress));
    return answerOf(found(subject, settings, staged), format);
  } finally {
    progress.clear();
  }
}

/** The same by whatever searches in its own time: workers, or several sittings. */
export async function checkOneBy(
  search: (progress: (going: Going) => void) => Searched | Promise<Searched>,
  subject: Subject,
  settings: Settings,
  format: Format,
): Promise<Answer> {
  const progress = new Progress();
  try {
    const searched = await search(signs(subject, progress));
    return answerOf(found(subject, settings, searched), format);
  } finally {
    progress.clear();
  }
}

const answerOf = (found: Found, format: Format): Answer => ({
  ...FORMATS[format](found),
  code: EXIT_OF[found.verdict.verdict],
});

function signs({ word }: Subject, progress: Progress): (going: Going) => void {
  let shown = 0;
  return ({ states, executions }) => {
    if (Date.now() - shown < MS_BETWEEN_SIGNS) return;
    shown = Date.now();
    const done = states > 0 ? `${count(states)} states` : `${count(executions)} executions`;
    progress.show(`check ${word}: ${done}`);
  };
}

function found(subject: Subject, settings: Settings, staged: Searched): Found {
  const schedule = staged.verdict.violation?.execution?.schedule;
  return {
    ...staged,
    subject,
    settings,
    ...(settings.model === 'tso' && {
      comparison: compareWithSc(subject.program(), settings, staged.verdict),
    }),
    ...(schedule !== undefined && { replay: replayWords(subject.word, settings, schedule) }),
  };
}

const FORMATS: Readonly<Record<Format, (found: Found) => Pick<Answer, 'out' | 'aside'>>> = {
  text(found) {
    const { violation } = found.verdict;
    const drawing = violation === undefined ? '' : drawText(violation, drawOptions(found));
    return { out: paragraphs([formatVerdict(found.verdict), sentences(found), drawing]) };
  },
  markdown(found) {
    const { verdict, subject } = found;
    const { violation } = verdict;
    const drawing = violation === undefined ? '' : drawMarkdown(violation, drawOptions(found));
    const head = `# ${subject.word}`;
    return {
      out: paragraphs([head, fenced(formatVerdict(verdict)), sentences(found), drawing]),
    };
  },
  json: (found) => ({ out: `${json(found)}\n` }),
  svg(found) {
    const { violation } = found.verdict;
    const aside = paragraphs([formatVerdict(found.verdict), sentences(found)]);
    return {
      out: violation === undefined ? '' : `${drawSvg(violation, drawOptions(found))}\n`,
      aside:
        violation === undefined
          ? `${aside}faultline: expected a violation to draw, got none\n`
          : aside,
    };
  },
};

const drawOptions = ({ subject, settings, replay }: Found): DrawOptions => ({
  title: subject.litmus?.title,
  model: settings.model,
  replay,
});

/** What the verdict itself does not say. */
function sentences({ subject, verdict, tried, comparison, remark }: Found): string {
  const claim = subject.litmus && claimSentence(subject.litmus, verdict);
  return [
    ...(tried.length === 0 ? [] : [wrap(triedSentence(tried))]),
    ...(comparison === undefined ? [] : comparisonLines(comparison, verdict)),
    ...(claim === undefined ? [] : [wrap(claim)]),
    ...(remark === undefined ? [] : [wrap(remark)]),
  ].join('\n');
}

/** `Tried as well, and nothing found: states (1,921,284 states in 15.0 s), pct (...).` */
function triedSentence(tried: readonly Verdict[]): string {
  const told = tried.map(({ search, states, executions, ms }) => {
    const hasStates = search === 'states' || search === 'preemptions';
    const done = hasStates ? `${count(states)} states` : `${count(executions)} executions`;
    return `${search} (${done} in ${(ms / 1000).toFixed(1)} s)`;
  });
  return `Tried as well, and nothing found: ${told.join(', ')}.`;
}

function json({ subject, verdict, tried, comparison, replay }: Found): string {
  const { litmus } = subject;
  const more = {
    ...verdict,
    ...(litmus && { claim: { result: litmus.result, borne: bears(litmus, verdict) } }),
    ...(replay !== undefined && { replay }),
    ...(comparison && { againstSc: againstSc(comparison) }),
    tried: tried.map(({ search, states, executions, ms, budget }) => ({
      search,
      states,
      executions,
      ms,
      budget,
    })),
  };
  return drawJson(more);
}

const againstSc = ({ sc, added, of, fences }: Comparison): object => ({
  verdict: sc.verdict,
  of,
  ...(added && { added }),
  ...(fences && { fences }),
});
