// Rounds as the program that drove the guest noted them, bitmaps and rings included.
import { KVM_MEM_LOG_DIRTY_PAGES, PAGE_SIZE } from '@faultline/mmu';
import type { DirtyLogKind, DirtyLogRound } from './dirty-log-round.ts';
import { GfnSet } from './gfn-set.ts';
import type { Marker } from './marker.ts';
import type { TraceEvent } from './trace-event.ts';

type MarkerOf<Ev extends Marker['ev']> = Extract<Marker, { ev: Ev }>;
type Draft = { -readonly [Field in keyof DirtyLogRound]: DirtyLogRound[Field] };

const KVM_DIRTY_LOG_INITIALLY_SET = 2;
const WORD_DIGITS = 16;
const BITS_PER_DIGIT = 4;

export class RoundsFromMarkers {
  readonly rounds: Draft[] = [];
  readonly #last = new Map<number, Draft>();
  readonly #baseGfn = new Map<number, number>();
  /** By slot, of those that were ever logged. */
  readonly #logged = new Map<number, number>();
  /** When the slot's pages were watched last. */
  readonly #watched = new Map<number | undefined, number>();
  #log: DirtyLogKind = 'bitmap';
  #phase: string | undefined;
  #begin = 0;
  #ring = new GfnSet();
  #ringBegin: number | undefined;

  get loggedPages(): number | undefined {
    if (this.#logged.size === 0) return undefined;
    return [...this.#logged.values()].reduce((sum, npages) => sum + npages, 0);
  }

  add({ body, time }: TraceEvent): void {
    if (body.event !== 'marker') return;
    const { marker } = body;
    if (marker.ev === 'phase') this.#phase = marker.name;
    else if (marker.ev === 'enable_cap') this.#capability(marker);
    else if (marker.ev === 'memslot' && marker.at === 'end') this.#memslot(marker, time);
    else if (marker.ev === 'get_dirty_log') this.#get(marker, time);
    else if (marker.ev === 'dirty_bits') addBits(this.#last.get(marker.slot)?.gfns, marker);
    else if (marker.ev === 'clear_dirty_log' && marker.at === 'end') this.#clear(marker, time);
    else if (marker.ev === 'ring_gfns') this.#ringGfns(marker, time);
    else if (marker.ev === 'reset_dirty_rings') this.#reset(marker, time);
  }

  #capability({ cap, arg = 0, errno }: MarkerOf<'enable_cap'>): void {
    if (errno !== 0) return;
    if (cap === 'DIRTY_LOG_RING') this.#log = 'ring';
    if (cap !== 'MANUAL_DIRTY_LOG_PROTECT2') return;
    this.#log = (arg & KVM_DIRTY_LOG_INITIALLY_SET) === 0 ? 'manual' : 'initially-set';
  }

  #memslot({ slot, gpa, size, flags, errno = 0 }: MarkerOf<'memslot'>, time: number): void {
    if (errno !== 0) return;
    this.#baseGfn.set(slot, Number(gpa) / PAGE_SIZE);
    if ((flags & KVM_MEM_LOG_DIRTY_PAGES) === 0) {
      this.#watched.delete(slot);
      return;
    }
    this.#logged.set(slot, size / PAGE_SIZE);
    if (!this.#watched.has(slot)) this.#watched.set(slot, time);
    if (this.#log === 'ring') this.#watched.set(undefined, time);
  }

  #get({ at, slot, pages, errno = 0 }: MarkerOf<'get_dirty_log'>, time: number): void {
    if (at === 'begin') this.#begin = time;
    else if (errno === 0) {
      this.#add(slot, { begin: this.#begin, end: time, npages: pages });
      if (pages !== undefined) this.#logged.set(slot, pages);
    }
  }

  #add(
    slot: number | undefined,
    { gfns = new GfnSet(), ...times }: Pick<Draft, 'begin' | 'end' | 'npages'> & Partial<Draft>,
  ): void {
    const since = this.#watched.get(slot);
    const round = { slot, log: this.#log, since, gfns, phase: this.#phase, ...times };
    this.rounds.push(round);
    if (slot !== undefined) this.#last.set(slot, round);
    this.#watched.set(slot, times.end);
  }

  /** A round goes on until its last clear. */
  #clear({ slot, errno = 0 }: MarkerOf<'clear_dirty_log'>, time: number): void {
    const round = this.#last.get(slot);
    if (round === undefined || errno !== 0) return;
    round.end = time;
    this.#watched.set(slot, time);
  }

  #ringGfns({ slot_off }: MarkerOf<'ring_gfns'>, time: number): void {
    this.#ringBegin ??= time;
    for (const entry of slot_off.trim().split(' ')) {
      const [slot = '', offset = ''] = entry.split(':');
      const base = this.#baseGfn.get(Number(slot));
      if (base !== undefined) this.#ring.add(base + Number.parseInt(offset, 16));
    }
  }

  #reset({ at }: MarkerOf<'reset_dirty_rings'>, time: number): void {
    if (at === 'begin') {
      this.#begin = this.#ringBegin ?? time;
      return;
    }
    this.#add(undefined, { begin: this.#begin, end: time, npages: undefined, gfns: this.#ring });
    this.#ring = new GfnSet();
    this.#ringBegin = undefined;
  }
}

/** Bit 0 of the first word is `base_gfn`; words have their lowest page on the right. */
function addBits(gfns: GfnSet | undefined, { base_gfn, words_hex }: MarkerOf<'dirty_bits'>): void {
  if (gfns === undefined) return;
  const base = Number(base_gfn);
  for (let at = 0; at < words_hex.length; at++) {
    const digit = Number.parseInt(words_hex.charAt(at), 16);
    if (digit === 0) continue;
    const word = Math.floor(at / WORD_DIGITS);
    const inWord = (WORD_DIGITS - 1 - (at % WORD_DIGITS)) * BITS_PER_DIGIT;
    for (let bit = 0; bit < BITS_PER_DIGIT; bit++) {
      if ((digit & (1 << bit)) !== 0) gfns.add(base + word * 64 + inWord + bit);
    }
  }
}
