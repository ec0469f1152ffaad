// A fault that was about to map, and lost an exchange to somebody who changed an entry on its way: one thread never does.
import type { FaultAct } from '../acts/act.ts';
import type { Conductor } from '../conductor.ts';
import { tellingOf, whereOf } from '../telling.ts';
import type { Compared } from '../verdicts.ts';

/** What it told is explained, and the tables that it linked are there. `index`: where it ended. */
export function loseExchange({ ledger, replayed }: Conductor, act: FaultAct, index: number): void {
  for (const at of act.decisions) {
    const { body } = ledger.event(at);
    if (!ledger.isOpen(at) || body.event === 'kvm_dirty_ring_push') continue;
    ledger.close(at);
    const said = { expected: tellingOf(body), got: 'not tried', where: whereOf(body) };
    ledger.differ(body.event as Compared, at, said, 'lost-exchange');
    if (body.event === 'kvm_tdp_mmu_spte_changed') {
      replayed.tables.reach({ gfn: body.gfn, level: body.level - 1 });
    }
  }
  const where = `vCPU ${act.fault.vcpu_id}`;
  const said = { expected: 'retry', got: 'not tried', where };
  ledger.differ('fault result', index, said, 'lost-exchange');
}
