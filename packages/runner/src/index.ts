// A VM on real threads: its guest programs, ksmd, migration, and the account that nothing was lost.
export type { AgingStat } from './ager.ts';
export { DIRTY_LOGS, type DirtyLog } from './dirty-log.ts';
export { type GuestMachine, parseMachine } from './guest-state.ts';
export { GUESTS, type GuestName } from './guests/guests.ts';
export type { HostStat } from './host-agent.ts';
export type { LockReport } from './job.ts';
export type { KernelCounts } from './kernel-counts.ts';
export type { KsmStat } from './ksmd.ts';
export { createMachine, type Machine, MOST_PAGES, MOST_VCPUS, type Region } from './machine.ts';
export { timerCost } from './meter.ts';
export { countDifferences, type MigrationResult } from './migration.ts';
export { type Integrity, type RunOptions, type RunReport, runGuest, runTrace } from './run.ts';
export {
  type ArrivingMachine,
  type GuestEnd,
  type GuestOptions,
  type RunningGuest,
  receiveGuest,
  startGuest,
} from './running-guest.ts';
export type { SlotStat } from './slot-changer.ts';
export type { TracePlan } from './trace-plan.ts';
export { TracePlanner } from './trace-planner.ts';
export { type Verdict, verify } from './verify.ts';
