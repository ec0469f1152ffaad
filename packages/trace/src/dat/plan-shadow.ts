// Records of shadow pages: no text can be had of their formats, whose print fmt is code.
import type { Gfn } from '@faultline/mmu';
import type { KvmMmuPage, ShadowPage } from '../mmu-event.ts';
import { roleOf } from '../shadow-page-role.ts';
import type { EventRecord } from './record.ts';
import type { PlannedFields, RecordPlan, RecordPlans } from './record-plan.ts';

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
