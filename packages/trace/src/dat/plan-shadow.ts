// Records of shadow pages, whose formats are printed by code (`({ ... })`) that no reader can run: the role is taken apart
// here. KVM: union kvm_mmu_page_role; the bits are the same from 6.1 to 6.12.
//
//   0-3 level  4 has_4_byte_gpte  5-6 quadrant  7 direct  8-10 access  11 invalid  12 efer_nx  13 cr0_wp
//   14 smep_andnot_wp  15 smap_andnot_wp  16 ad_disabled  17 guest_mode  18 passthrough  24-31 smm
import type { Gfn } from '@faultline/mmu';
import type { KvmMmuPage, ShadowPage, ShadowPageRole } from '../mmu-event.ts';
import type { EventRecord } from './record.ts';
import type { PlannedFields, RecordPlan, RecordPlans } from './record-plan.ts';

const bits = (word: number, from: number, count: number): number =>
  (word >>> from) & ((1 << count) - 1);

const roleOf = (word: number): ShadowPageRole => ({
  level: bits(word, 0, 4),
  gpte_bytes: bits(word, 4, 1) ? 4 : 8,
  quadrant: bits(word, 5, 2),
  direct: bits(word, 7, 1) === 1,
  access: bits(word, 8, 3),
  invalid: bits(word, 11, 1) === 1,
  efer_nx: bits(word, 12, 1) === 1,
  ad_disabled: bits(word, 16, 1) === 1,
});

function planPage(fields: PlannedFields): (record: EventRecord) => ShadowPage {
  const gen = fields.number('mmu_valid_gen');
  const gfn = fields.wide('gfn');
  const role = fields.number('role');
  const roots = fields.number('root_count');
  const unsync = fields.number('unsync');
  return (record) => ({
    mmu_valid_gen: record.number(gen),
    gfn: record.number(gfn) as Gfn,
    role: roleOf(record.number(role)),
    root_count: record.number(roots),
    unsync: record.number(unsync) !== 0,
  });
}

const plan =
  (event: KvmMmuPage['event']): RecordPlan =>
  (fields) => {
    const read = planPage(fields);
    return (record) => ({ event, ...read(record) });
  };

export const shadowPlans: RecordPlans = {
  kvm_mmu_sync_page: plan('kvm_mmu_sync_page'),
  kvm_mmu_unsync_page: plan('kvm_mmu_unsync_page'),
  kvm_mmu_prepare_zap_page: plan('kvm_mmu_prepare_zap_page'),

  kvm_mmu_get_page(fields) {
    const read = planPage(fields);
    const created = fields.number('created');
    return (record) => ({
      event: 'kvm_mmu_get_page',
      ...read(record),
      created: record.number(created) !== 0,
    });
  },
};
