// One guest: its dirty rates as QEMU measures them, then its migration to another QEMU on the same machine, asked again and again.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GuestOptions, guestImage } from './guest-image.ts';
import { Qemu } from './qemu.ts';
import type { Qmp } from './qmp.ts';

export interface QemuCase extends GuestOptions {
  readonly name: string;
  /** Bytes a second: max-bandwidth. */
  readonly bandwidth: number;
  readonly downtimeMs: number;
  readonly autoConverge?: boolean;
}

/** As query-migrate has it, as far as it is looked at here. */
export interface MigrateReply {
  readonly status?: string;
  readonly 'total-time'?: number;
  readonly downtime?: number;
  readonly 'cpu-throttle-percentage'?: number;
  readonly ram?: Readonly<Record<'dirty-sync-count' | 'downtime-bytes', number>>;
}

export interface Measured {
  /** query-dirty-rate, one answer to a line. */
  readonly rates: string;
  /** query-migrate, one answer to a line; and `info migrate`, asked at the same times. */
  readonly log: string;
  readonly text: string;
  readonly replies: readonly MigrateReply[];
}

const FILL_MS = 1500;
/** QEMU 7.2 measures no less than a second. */
const CALC_SECONDS = [1, 3, 6];
/** QEMU's most, of a GiB: a guest this small has few samples. */
const SAMPLE_PAGES = 4096;
const POLL_MS = 20;
/** A migration that lasts longer is cancelled. */
const MOST_MS = 20_000;
const ENDS = ['completed', 'failed', 'cancelled'];

export async function migrateCase(of: QemuCase): Promise<Measured> {
  const directory = await mkdtemp(join(tmpdir(), 'faultline-'));
  const running: Qemu[] = [];
  const start = async (name: string, incoming?: string): Promise<Qmp> => {
    const kernel = join(directory, 'guest');
    const qemu = await Qemu.start({ directory, name, kernel, memory: of.memory, incoming });
    running.push(qemu);
    return qemu.monitor;
  };
  try {
    await writeFile(join(directory, 'guest'), guestImage(of));
    const source = await start('source');
    await sleep(FILL_MS);
    const rates = await dirtyRates(source);
    const uri = `unix:${join(directory, 'migration')}`;
    await start('destination', uri);
    return { rates, ...(await migrate(source, uri, of)) };
  } finally {
    for (const qemu of running) await qemu.stop();
    await rm(directory, { recursive: true });
  }
}

/** By page-sampling: dirty-bitmap mode is KVM's alone, and ends QEMU 7.2 without it. */
async function dirtyRates(source: Qmp): Promise<string> {
  const answers: unknown[] = [];
  for (const seconds of CALC_SECONDS) {
    await source.execute('calc-dirty-rate', {
      'calc-time': seconds,
      'sample-pages': SAMPLE_PAGES,
    });
    let status = '';
    while (status !== 'measured') {
      await sleep(POLL_MS);
      const answer = (await source.execute('query-dirty-rate')) as { status: string };
      if (answer.status !== status) answers.push(answer);
      status = answer.status;
    }
  }
  return lines(answers);
}

async function migrate(source: Qmp, uri: string, of: QemuCase): Promise<Omit<Measured, 'rates'>> {
  await source.execute('migrate-set-capabilities', {
    capabilities: [{ capability: 'auto-converge', state: of.autoConverge === true }],
  });
  await source.execute('migrate-set-parameters', {
    'max-bandwidth': of.bandwidth,
    'downtime-limit': of.downtimeMs,
  });
  const replies: MigrateReply[] = [];
  const texts: string[] = [];
  const begin = performance.now();
  let isCancelled = false;
  await source.execute('migrate', { uri });
  while (!ENDS.includes(replies.at(-1)?.status ?? '')) {
    await sleep(POLL_MS);
    replies.push((await source.execute('query-migrate')) as MigrateReply);
    texts.push(await source.human('info migrate'));
    if (isCancelled || performance.now() - begin < MOST_MS) continue;
    isCancelled = true;
    await source.execute('migrate_cancel');
  }
  // The first that says so may be from before its times were taken.
  await sleep(POLL_MS);
  replies.push((await source.execute('query-migrate')) as MigrateReply);
  return { replies, log: lines(replies), text: texts.join('') };
}

const lines = (answers: readonly unknown[]): string =>
  answers.map((answer) => `${JSON.stringify({ return: answer })}\n`).join('');
