// What a harvest found, bit for bit against what user space got.
import type { Memslot } from '@faultline/mmu';
import type { IoctlAct } from '../acts/act.ts';
import type { Conductor } from '../conductor.ts';
import type { Rule } from '../rules.ts';

const WORD_DIGITS = 16;
const WORD_BITS = 64;

/** Pages of the slot, counted from its first, that user space was told of. */
export function* pagesOf({ bits }: IoctlAct): Iterable<number> {
  for (const { first_page, words_hex } of bits) {
    for (let word = 0; word * WORD_DIGITS < words_hex.length; word++) {
      const digits = words_hex.slice(word * WORD_DIGITS, (word + 1) * WORD_DIGITS);
      const halves = [
        Number.parseInt(digits.slice(8), 16),
        Number.parseInt(digits.slice(0, 8), 16),
      ];
      for (let bit = 0; bit < WORD_BITS; bit++) {
        const half = halves[bit >> 5] as number;
        if (((half >>> (bit & 31)) & 1) !== 0) yield first_page + word * WORD_BITS + bit;
      }
    }
  }
}

interface Harvested {
  /** Pages of the slot that the replayed harvest handed out. */
  readonly found: ReadonlySet<number>;
  /** Those whose marks were put before it because user space got them. */
  readonly placed: ReadonlySet<number>;
}

export function compareHarvest(
  conductor: Conductor,
  act: IoctlAct,
  slot: Memslot,
  { found, placed }: Harvested,
): void {
  const told = new Set(pagesOf(act));
  const { baseGfn } = slot;
  let agreed = 0;
  for (const page of told) {
    if (placed.has(page) && found.has(page)) differ(page, 'dirty', 'dirty', 'harvest-untraced');
    else if (found.has(page)) agreed++;
    else differ(page, 'dirty', 'clean');
  }
  for (const page of found) {
    const atBegin = conductor.logBegins.take(baseGfn + page);
    if (!told.has(page)) differ(page, 'clean', 'dirty', atBegin ? 'logging-begins' : undefined);
  }
  conductor.ledger.verdicts.agree('dirty page', agreed);

  function differ(page: number, expected: string, got: string, rule?: Rule): void {
    const where = `slot ${slot.id}, page 0x${page.toString(16)}, gfn ${(slot.baseGfn + page).toString(16)}`;
    conductor.ledger.differ('dirty page', act.end ?? act.begin, { expected, got, where }, rule);
  }
}
