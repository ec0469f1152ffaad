// A worker of the pool: takes the name of a litmus, or a part of a search, and answers with what was found.
import { parentPort } from 'node:worker_threads';
import { type CheckOptions, checkPart } from '@faultline/checker';
import { LITMUS } from '@faultline/litmus';
import { budgetOf, checkInStages, optionsOf } from './check/stages.ts';
import { findSubject, type Subject } from './check/subject.ts';
import type { Checked, CheckJob, FromWorker, Going, PartChecked, PartJob } from './check-pool.ts';
import { messageOf } from './exit.ts';

const MS_BETWEEN_SIGNS = 200;

const post = (message: FromWorker): void => parentPort?.postMessage(message);

parentPort?.on('message', async (job: CheckJob | PartJob) =>
  post({ answer: 'part' in job ? await carryOutPart(job) : carryOut(job) }),
);

function carryOut({ name, model, settings }: CheckJob): Checked {
  try {
    const litmus = LITMUS.find((one) => one.name === name);
    if (litmus === undefined) throw new Error(`expected a litmus, got '${name}'`);
    return checkInStages(litmus.program(), { ...settings, model }, signs());
  } catch (error) {
    return { error: messageOf(error) };
  }
}

/** Tells now and then how far it is. */
function signs(): (going: Going) => void {
  let shown = Date.now();
  return ({ states, executions }) => {
    if (Date.now() - shown < MS_BETWEEN_SIGNS) return;
    shown = Date.now();
    post({ states, executions });
  };
}

/** Parts of one search follow one another: a file is read once. */
let subject: Subject | undefined;

async function carryOutPart(job: PartJob): Promise<PartChecked> {
  try {
    if (subject?.word !== job.word) subject = await findSubject(job.word);
    const options = { ...optionsOf(job.settings), search: 'dpor' } as const;
    const sign = signs();
    const { told, ...counted } = countingAlong(job, sign);
    const found = checkPart(subject.program(), job.part, { ...options, ...counted });
    told(found.verdict.executions);
    return found;
  } catch (error) {
    return { error: messageOf(error) };
  }
}

/** The budget of executions is that of all parts together. */
function countingAlong(
  { settings, end, executed }: PartJob,
  sign: (going: Going) => void,
): Pick<CheckOptions, 'budget' | 'progress' | 'stop'> & { told(executions: number): void } {
  const { executions: most, ...budget } = budgetOf(settings);
  let counted = 0;
  const told = (executions: number): void => {
    Atomics.add(executed, 0, BigInt(executions - counted));
    counted = executions;
  };
  return {
    told,
    budget: end === undefined ? budget : { ...budget, ms: Math.max(1, end - Date.now()) },
    progress: (going) => {
      told(going.executions);
      sign(going);
    },
    stop: () =>
      most !== undefined && Atomics.load(executed, 0) >= BigInt(most)
        ? `${most.toLocaleString('en-US')} executions`
        : undefined,
  };
}
