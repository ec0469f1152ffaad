// The command that shows an execution again.
import type { Settings } from './settings.ts';

export function replayWords(word: string, settings: Settings, schedule: string): string {
  const { model, spuriousWakeups, merge } = settings;
  return [
    'faultline check',
    quoted(word),
    ...(model === 'sc' ? [] : [`--model ${model}`]),
    ...(spuriousWakeups ? ['--spurious-wakeups'] : []),
    ...(merge ? [] : ['--no-merge']),
    `--replay '${schedule}'`,
  ].join(' ');
}

/** As a shell takes it. */
const quoted = (word: string): string =>
  /^[\w./@:+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
