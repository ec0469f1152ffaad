// One event of the trace and one of the MMU: are they the same?
import { formatSpte, isMmioSpte, leadsToTable, type MmuEvent, type Spte } from '@faultline/mmu';
import type { TraceBody } from '../trace-event.ts';
import { ADDRESS_SPACES, isSame, type SpteWords } from './spte-words.ts';

export interface Said {
  readonly expected: string;
  readonly got: string;
  readonly where: string;
}

/** What differs, in words; undefined when nothing does. Both are of one kind and one entry. */
export function compareEvents(words: SpteWords, told: TraceBody, ours: MmuEvent): Said | undefined {
  const differences = differencesOf(words, told, ours).filter(([, a, b]) => a !== b);
  if (differences.length === 0) return undefined;
  const say = (side: 1 | 2) => differences.map((pair) => `${pair[0]} ${pair[side]}`).join(', ');
  const { gfn, level } = ours as { gfn?: number; level?: number };
  const where = gfn === undefined ? '' : `gfn ${gfn.toString(16)}`;
  return {
    expected: say(1),
    got: say(2),
    where: level === undefined ? where : `${where} level ${level}`,
  };
}

type Pair = readonly [what: string, told: string, ours: string];

function differencesOf(words: SpteWords, told: TraceBody, ours: MmuEvent): Pair[] {
  if (told.event === 'kvm_tdp_mmu_spte_changed' && ours.event === told.event) {
    return [
      sptePair(words, 'old', told.old_spte, ours.old_spte, told.level, false),
      sptePair(words, 'new', told.new_spte, ours.new_spte, told.level, true),
    ];
  }
  if (told.event === 'kvm_mmu_set_spte' && ours.event === told.event) {
    return [
      sptePair(words, 'spte', told.spte, ours.spte, told.level, false),
      ['level', `${told.level}`, `${ours.level}`],
    ];
  }
  if (told.event === 'kvm_mmu_split_huge_page' && ours.event === told.event) {
    return [
      sptePair(words, 'spte', told.spte, ours.spte, told.level, false),
      ['errno', `${told.errno}`, `${ours.errno}`],
    ];
  }
  if (told.event === 'kvm_mmu_spte_requested' && ours.event === told.event) {
    const pfn = told.pfn >= 2 ** 52 ? told.pfn : words.frame(told.pfn);
    return [
      ['pfn', `${pfn}`, `${ours.pfn}`],
      ['level', `${told.level}`, `${ours.level}`],
    ];
  }
  if (told.event === 'mark_mmio_spte' && ours.event === told.event) {
    return [
      ['access', `${told.access}`, `${ours.access}`],
      ['gen', `${told.gen}`, `${ours.gen * ADDRESS_SPACES}`],
    ];
  }
  if (told.event === 'handle_mmio_page_fault' && ours.event === told.event) {
    return [['access', `${told.access}`, `${ours.access}`]];
  }
  if (told.event === 'check_mmio_spte' && ours.event === told.event) {
    return [
      sptePair(words, 'spte', told.spte, ours.spte, 1, false),
      ['kvm_gen', `${told.kvm_gen}`, `${ours.kvm_gen * ADDRESS_SPACES}`],
      ['valid', `${told.valid}`, `${ours.valid}`],
    ];
  }
  if (told.event === 'kvm_mmu_zap_all_fast' && ours.event === told.event) {
    return [
      ['valid gen', `${told.mmu_valid_gen}`, `${ours.mmu_valid_gen}`],
      ['used pages', `${told.mmu_used_pages}`, `${ours.mmu_used_pages}`],
    ];
  }
  // Where the other end of the ring stood meanwhile is the race that the ring is there for, and is not compared.
  if (told.event === 'kvm_dirty_ring_push' && ours.event === told.event) {
    return [
      ['ring', `${told.index}`, `${ours.index}`],
      ['slot', `${told.slot}`, `${ours.slot}`],
      ['offset', `${told.offset}`, `${ours.offset}`],
      ['dirty', `${told.dirty_index}`, `${ours.dirty_index}`],
    ];
  }
  if (told.event === 'kvm_dirty_ring_reset' && ours.event === told.event) {
    return [['reset', `${told.reset_index}`, `${ours.reset_index}`]];
  }
  return [['event', told.event, ours.event]];
}

/** As printed where they agree; else ours and the trace's in the words of the replayed VM. */
function sptePair(
  words: SpteWords,
  what: string,
  told: Spte,
  ours: Spte,
  level: number,
  links: boolean,
): Pair {
  const isTable = level > 1 && leadsToTable(told.low) && !isMmioSpte(told.low, told.high);
  if (isTable && links && leadsToTable(ours.low)) words.pairTables(told, ours);
  const expected = words.toOurs(told, level);
  return isSame(expected, ours) ? [what, '', ''] : [what, formatSpte(expected), formatSpte(ours)];
}
