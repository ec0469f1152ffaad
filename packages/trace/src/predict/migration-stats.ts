// A migration as QEMU's monitor tells it while it runs. Each count of dirty syncs ends a round: what is left by then, and what was
// sent since the answer before, say how many pages the guest has made dirty that were clean.
import { type MigrateAnswer, migrateAnswers } from './migrate-answers.ts';
import type { RatePoint } from './rate-load.ts';
import type { RecordedLoad } from './recorded-load.ts';

/** QEMU does not take a rate over less. */
const LEAST_RATE_SECONDS = 1;

export function migrationStats(text: string): RecordedLoad | undefined {
  const { format, answers } = migrateAnswers(text);
  const first = answers[0];
  if (first === undefined) return undefined;
  const counted = countedSamples(answers);
  const samples = counted.length > 0 ? counted : ratedSamples(answers);
  if (samples.length === 0) throw new SyntaxError('statistics from before the first dirty rate');
  return {
    format,
    samples,
    pageSize: first.pageSize,
    memory: memoryOf(answers),
    bandwidth: bandwidthOf(answers),
    switchoverBandwidth: switchoverBandwidthOf(answers),
    switchOver: 'pending',
  };
}

/** One for each two answers between which the log was synced; as many as there were syncs, where that was more than once. */
function countedSamples(answers: readonly MigrateAnswer[]): RatePoint[] {
  const samples: RatePoint[] = [];
  let before: MigrateAnswer | undefined;
  let syncedAt: number | undefined;
  for (const now of answers) {
    const syncs = now.dirtySyncCount - (before?.dirtySyncCount ?? 0);
    // With the first sync, while it is set up, the log begins.
    if (now.dirtySyncCount === 1) syncedAt = now.setupTime;
    else if (now.isActive && before !== undefined && syncs > 0) {
      const at = (before.totalTime + now.totalTime) / 2;
      const pages = newlyDirty(before, now);
      if (syncedAt !== undefined && pages !== undefined) {
        // A throttled guest ran for a part of the time.
        const seconds = (((at - syncedAt) / 1000) * (1 - before.throttle / 100)) / syncs;
        samples.push({ seconds, pages: pages / syncs });
      }
      syncedAt = at;
    }
    before = now.isActive ? now : undefined;
    if (before === undefined) syncedAt = undefined;
  }
  return samples;
}

function newlyDirty(before: MigrateAnswer, now: MigrateAnswer): number | undefined {
  if (before.sentPages === undefined || now.sentPages === undefined) return undefined;
  const left = (now.remaining - before.remaining) / now.pageSize;
  return Math.max(0, left + now.sentPages - before.sentPages);
}

/** For those who asked once, or whose QEMU does not count: by its rate, one for each sync that was seen with one. */
function ratedSamples(answers: readonly MigrateAnswer[]): RatePoint[] {
  const samples: RatePoint[] = [];
  let before: MigrateAnswer | undefined;
  for (const now of answers) {
    if (before !== undefined && now.dirtySyncCount === before.dirtySyncCount) continue;
    const seconds = before === undefined ? 0 : (now.totalTime - before.totalTime) / 1000;
    before = now;
    if (now.dirtyPagesRate === 0) continue;
    const period = Math.max(LEAST_RATE_SECONDS, seconds);
    samples.push({ seconds: period, pages: now.dirtyPagesRate * period });
  }
  return samples;
}

/** Zero pages, which take next to nothing to send, left out: by the last answer of the first round. */
function memoryOf(answers: readonly MigrateAnswer[]): number | undefined {
  const { total, zeroPages, pageSize } = (answers.findLast(
    ({ dirtySyncCount }) => dirtySyncCount === 1,
  ) ?? answers[0]) as MigrateAnswer;
  return total === 0 ? undefined : total - zeroPages * pageSize;
}

function bandwidthOf(answers: readonly MigrateAnswer[]): number | undefined {
  const carried = answers.filter(({ mbps, isActive }) => isActive && mbps > 0);
  if (carried.length === 0) return undefined;
  return (carried.reduce((sum, { mbps }) => sum + mbps, 0) / carried.length) * (1e6 / 8);
}

/** At least: handing over the state is within that time. */
function switchoverBandwidthOf(answers: readonly MigrateAnswer[]): number | undefined {
  const end = answers.findLast(({ downtime, downtimeBytes }) => downtime > 0 && downtimeBytes > 0);
  return end && (end.downtimeBytes / end.downtime) * 1000;
}
