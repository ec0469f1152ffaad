// Replays for programs.
import { gaps } from '@faultline/trace';
import type { ReplayedTrace } from './replay-trace.ts';

export function replayJson(replayed: readonly ReplayedTrace[]): string {
  const traces = replayed.map(({ name, summary, used, verdicts, refused }) => ({
    trace: name,
    events: summary.events,
    gaps: gaps(summary),
    replayed: used,
    ...(verdicts === undefined
      ? { refused }
      : {
          compared: verdicts.tallies,
          rules: verdicts.rules,
          inferences: verdicts.inferences,
          left_out: verdicts.leftOut,
          unexplained: verdicts.unexplained,
          explained: verdicts.explained,
        }),
  }));
  return `${JSON.stringify({ schema: 'faultline/trace-replay', version: 1, traces })}\n`;
}
