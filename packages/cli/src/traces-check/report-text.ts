// What `trace-cmd report` leaves out of a trace.dat, by its options: so much less its text must say, and nothing else.
import type { TraceBody, TraceEvent } from '@faultline/trace';

/** One event in, as much of it as the text says out; undefined if nothing. A new one for every reading: it remembers. */
export type View = () => (event: TraceEvent) => TraceEvent | undefined;

export interface ReportText {
  readonly words: readonly string[];
  readonly view: View;
}

const whole: View = () => (event) => event;

/** The kvm plugin of libtraceevent prints these its own way. */
const withPlugin: View = () => {
  const known = new Set<number>();
  return (event) => {
    const body = byPlugin(event.body);
    if (body === undefined || !('vcpu_id' in body)) return body && { ...event, body };
    // The vCPU of an exit is that of an event before it, of the same thread.
    const isUnknown = body.event === 'kvm_exit' && !known.has(event.pid);
    if (!isUnknown) known.add(event.pid);
    return { ...event, body: isUnknown ? { ...body, vcpu_id: -1 } : body };
  };
};

function byPlugin(body: TraceBody): TraceBody | undefined {
  switch (body.event) {
    case 'kvm_mmu_get_page':
    case 'kvm_mmu_sync_page':
    case 'kvm_mmu_unsync_page':
    case 'kvm_mmu_prepare_zap_page':
      return undefined;
    case 'kvm_exit':
      return { ...body, intr_info: 0, error_code: 0 };
    case 'kvm_emulate_insn':
      return { ...body, flags: '' };
    default:
      return body;
  }
}

const inLatencyFormat: View = () => {
  const view = withPlugin();
  return (event) => {
    const seen = view(event);
    return seen && { ...seen, task: seen.task.slice(0, 8) };
  };
};

export const REPORT_TEXTS: readonly ReportText[] = [
  { words: ['-N', '-t'], view: whole },
  { words: [], view: withPlugin },
  { words: ['-l'], view: inLatencyFormat },
];
