// A worker of the pool: takes the name of a litmus, answers with what was found.
import { parentPort } from 'node:worker_threads';
import { LITMUS } from '@faultline/litmus';
import { checkInStages } from './check/stages.ts';
import type { Checked, CheckJob, FromWorker } from './check-pool.ts';
import { messageOf } from './exit.ts';

const MS_BETWEEN_SIGNS = 200;

const post = (message: FromWorker): void => parentPort?.postMessage(message);

parentPort?.on('message', (job: CheckJob) => post({ checked: carryOut(job) }));

function carryOut({ name, model, settings }: CheckJob): Checked {
  let shown = Date.now();
  try {
    const litmus = LITMUS.find((one) => one.name === name);
    if (litmus === undefined) throw new Error(`expected a litmus, got '${name}'`);
    return checkInStages(litmus.program(), { ...settings, model }, (done) => {
      if (Date.now() - shown < MS_BETWEEN_SIGNS) return;
      shown = Date.now();
      post(done);
    });
  } catch (error) {
    return { error: messageOf(error) };
  }
}
