// What a vCPU counts. KVM: struct kvm_vcpu_stat.

/** Counts since the vCPU was made. */
export interface VcpuStat {
  /** Every fault. KVM leaves out those that end in handle_mmio_page_fault(). */
  pf_taken: number;
  /** Repaired by the fast path. */
  pf_fast: number;
  /** Found repaired by the fast path. */
  pf_spurious: number;
  /** Sent back by the fast path: the lost exchanges of `merged`. */
  pf_fast_retry: number;
  /** Mapped, or found mapped, by the slow path. */
  pf_slow: number;
  /** Sent back by the slow path, which an invalidation or a memslot change overtook, or by an MMIO spte that was gone. */
  pf_retry: number;
  /** Refused by the host, and answered to the VMM. */
  pf_efault: number;
  /** No memory there. The next four say how that was known; what they leave was found out and not kept. */
  pf_emulate: number;
  /** MMIO sptes stored, or found as they should be, by the slow path. */
  pf_mmio_spte_created: number;
  /** Answered by what the vCPU itself remembered. */
  mmio_cached: number;
  /** Answered by an MMIO spte. */
  mmio_fast: number;
  /** Met an MMIO spte of an old generation, and went on to the slow path. */
  mmio_stale: number;
  tlb_fill: number;
  /** Sptes in which hardware set A or D. */
  hw_accessed: number;
  hw_dirty: number;
  tlb_flush: number;
  exits: number;
  /** Waits for a reset of the vCPU's dirty ring. KVM: exits with KVM_EXIT_DIRTY_RING_FULL. */
  dirty_ring_exits: number;
}

export const newVcpuStat = (): VcpuStat => ({
  pf_taken: 0,
  pf_fast: 0,
  pf_spurious: 0,
  pf_fast_retry: 0,
  pf_slow: 0,
  pf_retry: 0,
  pf_efault: 0,
  pf_emulate: 0,
  pf_mmio_spte_created: 0,
  mmio_cached: 0,
  mmio_fast: 0,
  mmio_stale: 0,
  tlb_fill: 0,
  hw_accessed: 0,
  hw_dirty: 0,
  tlb_flush: 0,
  exits: 0,
  dirty_ring_exits: 0,
});
