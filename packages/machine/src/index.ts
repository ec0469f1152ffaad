// A machine for authors of emulators: memory, vCPUs, dirty pages per consumer, snapshots, migration. Nothing of Node here.
export { KVM_MEM_LOG_DIRTY_PAGES, TLB_ENTRIES, TLB_LENGTH } from '@faultline/mmu';
export { connectVcpu } from './connect-vcpu.ts';
export { createVm, type VmOptions } from './create-vm.ts';
export type { DirtyClient } from './dirty-clients.ts';
export type { VmHandle } from './handle.ts';
export type { CancelSignal, Channel, Clock, Compression } from './migrate/channel.ts';
export { receiveMigration } from './migrate/destination.ts';
export type { DestinationOptions } from './migrate/destination-options.ts';
export { type FailureReason, MigrationError } from './migrate/failure.ts';
export type { DestinationMemory, PostcopyMemory, SourceGuest } from './migrate/guest.ts';
export type { MigrationInfo, MigrationStatus, RamInfo } from './migrate/migration-info.ts';
export type { PageReader } from './migrate/page-batch.ts';
export { type Port, portChannel } from './migrate/port-channel.ts';
export type { Received } from './migrate/received.ts';
export { assertSameShape, type Shape, type SlotShape } from './migrate/shape.ts';
export {
  readSnapshot,
  type SnapshotInfo,
  type SnapshotReaderOptions,
  type SnapshotWriterOptions,
  writeSnapshot,
} from './migrate/snapshot.ts';
export { type SourceOptions, sendMigration } from './migrate/source.ts';
export {
  plainMemory,
  shapeOfVm,
  type VmGuestOptions,
  type VmMemoryOptions,
  vmGuest,
  vmMemory,
} from './migrate/vm-guest.ts';
export type { VmMigrationOptions } from './migrate-vm.ts';
export type { MmioRange, MmioSize } from './mmio.ts';
export {
  type ArrivingVmOptions,
  type LoadedVm,
  type LoadOptions,
  loadVm,
  type ReceivedVm,
  receiveVm,
  type VmDestinationOptions,
} from './receive-vm.ts';
export type { SaveOptions } from './save-snapshot.ts';
export { whyNotShared } from './sharing.ts';
export type { Slot, Slots } from './slots.ts';
export type { Snapshot } from './snapshots.ts';
export type { Vcpu, VcpuOptions } from './vcpu.ts';
export type { Vm } from './vm.ts';
