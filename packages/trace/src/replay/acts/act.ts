// What one task did, as its events tell: a fault, the withdrawal of a range, an ioctl. The events of all tasks lie between each
// other in a trace; an act is those of one task that belong together.
import type { KvmPageFault } from '@faultline/mmu';
import type { Marker } from '../../marker.ts';
import type { Running } from '../replayed-vm.ts';

type MarkerOf<Ev extends Marker['ev']> = Extract<Marker, { ev: Ev }>;
export type IoctlMarker = MarkerOf<
  'memslot' | 'get_dirty_log' | 'clear_dirty_log' | 'reset_dirty_rings'
>;

export interface ActBase {
  readonly pid: number;
  /** Index of its first event in the recording. */
  readonly begin: number;
  /** Indexes of the events in which the MMU tells what it decided, in order. */
  readonly decisions: number[];
  /** Where it is carried out, unless something else needs it earlier: an index, before the event there. */
  at: number;
  state: 'waiting' | 'running' | 'done';
}

/** From kvm_page_fault up to the next entry into the guest. */
export interface FaultAct extends ActBase {
  readonly kind: 'fault';
  readonly fault: KvmPageFault;
  readonly running: Running;
  /** Of its fast_page_fault. */
  fast: number | undefined;
  /** Of its check_mmio_spte. */
  check: number | undefined;
  /** Of the leaf that it changed. */
  leaf: number | undefined;
  /** Index of the first event after its end. */
  end: number;
  /** The host does not allow it, which KVM told the VMM. */
  refused: boolean;
  /** KVM carried out the instruction itself. */
  emulated: boolean;
}

/**
 * A fault of a nested guest whose pages have tables of their own, which shadow those of the guest: `at` is of the first leaf
 * that it set there.
 */
export interface NestedFaultAct extends ActBase {
  readonly kind: 'nested-fault';
  readonly fault: KvmPageFault;
}

/** The host withdraws a range, or asks whether it was used: the event, and the leaves that it changed. */
export interface NotifierAct extends ActBase {
  readonly kind: 'unmap' | 'age' | 'test-age';
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** What lies between the begin and the end marker of an ioctl. */
export interface IoctlAct extends ActBase {
  readonly kind: 'ioctl';
  readonly marker: IoctlMarker;
  /** Of its end marker; undefined when the trace ends before. */
  end: number | undefined;
  ended: IoctlMarker | undefined;
  /** Of a harvest: what user space got. */
  readonly bits: MarkerOf<'dirty_bits'>[];
}

/** Changes whose cause is not told: the end of the VM, most often. */
export interface OtherAct extends ActBase {
  readonly kind: 'other';
}

/** A single event that something is done at. */
export interface MomentAct extends ActBase {
  readonly kind: 'moment';
}

export type Act = FaultAct | NestedFaultAct | NotifierAct | IoctlAct | OtherAct | MomentAct;
