// What a trace.dat holds beside the events: how to read them, and who was who. Filled by layout-v6.ts or layout-v7.ts.
import { type EventFormat, formatId, parseEventFormat } from './event-format.ts';
import { type PageLayout, pageLayout } from './page-layout.ts';

/** Where the ring-buffer pages of one CPU lie. */
export interface CpuData {
  readonly cpu: number;
  readonly offset: number;
  readonly size: number;
  readonly pageSize: number;
  /** In chunks. */
  readonly packed: boolean;
}

export class DatFile {
  readonly version: 6 | 7;
  /** Texts of formats by id: a file describes a thousand events or more, and holds some thirty. */
  readonly #formats = new Map<number, string>();
  page: PageLayout = pageLayout('');
  /** Names of tasks by pid. */
  readonly tasks: Map<number, string> = new Map([[0, '<idle>']]);
  /** As `mono`. */
  clock = 'local';
  kernel: string | undefined = undefined;
  /** By the kernel's statistics when the recording ended. */
  overrun = 0;
  dropped = 0;
  readonly cpus: CpuData[] = [];

  constructor(version: 6 | 7) {
    this.version = version;
  }

  addFormat(text: string): void {
    const id = formatId(text);
    if (id !== undefined) this.#formats.set(id, text);
  }

  /** Undefined where there is none, or none that can be read. */
  format(id: number): EventFormat | undefined {
    const text = this.#formats.get(id);
    return text === undefined ? undefined : parseEventFormat(text);
  }

  /** Of all formats. */
  get formatTexts(): ReadonlyMap<number, string> {
    return this.#formats;
  }

  /** `177 vcpu0` lines. */
  addTasks(text: string): void {
    for (const [, pid, name] of text.matchAll(/^(\d+) (.*)$/gm)) {
      this.tasks.set(Number(pid), name ?? '');
    }
  }

  /** `local global [mono] boot`: the chosen one stands in brackets. */
  addClocks(text: string): void {
    const chosen = /\[([\w-]+)\]/.exec(text)?.[1];
    if (chosen !== undefined) this.clock = chosen;
  }

  /** per_cpu/cpuN/stats, once per CPU. */
  addCpuStats(text: string): void {
    this.overrun += Number(/^overrun: (\d+)$/m.exec(text)?.[1] ?? 0);
    this.dropped += Number(/^dropped events: (\d+)$/m.exec(text)?.[1] ?? 0);
  }
}
