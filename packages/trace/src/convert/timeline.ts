// A trace as pictures show it: a track for each vCPU with its faults from exit to re-entry, one of the dirty log with its
// harvests, and the dirty rate as a curve. What draws it is another's matter.
import { DirtyRate } from '../dirty-rate.ts';
import { MigrationRounds } from '../migration-rounds.ts';
import { RACE_KINDS } from '../races/race.ts';
import { RaceFinder } from '../races/race-finder.ts';
import type { Fault } from '../report/fault.ts';
import { FAULT_KINDS } from '../report/fault-kind.ts';
import { FaultTracker } from '../report/fault-tracker.ts';
import type { TraceEvent } from '../trace-event.ts';
import type { Converter } from './converter.ts';

/** Whose track: a vCPU, by the id of its thread, or the VM's dirty log. */
export interface Track {
  readonly id: number;
  readonly name: string;
}

export type Details = Readonly<Record<string, string | number>>;

/** Times are the trace's. Items of a track come in the order of their begin, but for instants, which come last. */
export interface TimelineWriter {
  /** Before anything on it. */
  track(track: Track): void;
  slice(track: Track, name: string, span: { begin: number; end: number }, details: Details): void;
  instant(track: Track, name: string, time: number, details: Details): void;
  counter(name: string, unit: string, time: number, value: number): void;
  end(): void;
}

/** Of the curve, in the trace's time: a tenth of a second. */
const WINDOW = 100_000;
const DIRTY_LOG: Track = { id: 0, name: 'dirty log' };

export class Timeline implements Converter {
  readonly #out: TimelineWriter;
  readonly #races = new RaceFinder();
  readonly #rounds = new MigrationRounds();
  readonly #rate = new DirtyRate({ window: WINDOW });
  readonly #tracks = new Map<number, Track>();
  readonly #tracker: FaultTracker;

  constructor(out: TimelineWriter) {
    this.#out = out;
    this.#tracker = new FaultTracker({
      looked: (fault) => this.#races.looked(fault, this.#tracker.layout),
      ended: (fault) => {
        this.#races.ended(fault, true);
        this.#fault(fault);
      },
    });
  }

  add(event: TraceEvent): void {
    this.#tracker.add(event);
    this.#races.add(event);
    this.#rounds.add(event);
    this.#rate.add(event);
  }

  end(): void {
    this.#tracker.end();
    this.#harvests();
    this.#dirtyRate();
    for (const race of this.#races.kept) {
      const track = this.#trackOf(race);
      const gfn = `0x${race.gfn.toString(16)}`;
      this.#out.instant(track, `race: ${RACE_KINDS[race.kind].label}`, race.time, { gfn });
    }
    this.#out.end();
  }

  #fault({ vcpu, kind, began, ended, gfn }: Fault): void {
    const track = this.#trackOf(vcpu);
    const details: Details = gfn === -1 ? {} : { gfn: `0x${gfn.toString(16)}` };
    const { label } = FAULT_KINDS[kind];
    // A clock of each CPU's own may have run backwards between the two.
    if (ended >= began) this.#out.slice(track, label, { begin: began, end: ended }, details);
    else this.#out.instant(track, label, began, details);
  }

  #harvests(): void {
    const { rounds } = this.#rounds.end();
    if (rounds.length > 0) this.#out.track(DIRTY_LOG);
    for (const { slot, begin, end, gfns, log = 'unknown', phase = '' } of rounds) {
      const name = slot === undefined ? 'harvest' : `harvest of slot ${slot}`;
      this.#out.slice(DIRTY_LOG, name, { begin, end }, { pages: gfns.size, log, phase });
    }
  }

  #dirtyRate(): void {
    const at = (time: number, rate: number): void =>
      this.#out.counter('dirty rate', 'pages/s', time, rate);
    let until = Number.POSITIVE_INFINITY;
    for (const { begin, end, writes } of this.#rate.end()) {
      if (begin > until) at(until, 0);
      at(begin, (writes * 1e6) / (end - begin));
      until = end;
    }
  }

  #trackOf({ vcpuId, pid, task }: { vcpuId: number; pid: number; task: string }): Track {
    let track = this.#tracks.get(pid);
    if (track === undefined) {
      track = { id: pid, name: `vCPU ${vcpuId} (${task} ${pid})` };
      this.#tracks.set(pid, track);
      this.#out.track(track);
    }
    return track;
  }
}
