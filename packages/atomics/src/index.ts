export { connectAlone, createAlone, createAloneMemory } from './alone.ts';
export { findDamage } from './frame-pool.ts';
export {
  assertOutside,
  MODE_STATE,
  type Mode,
  makeRequest,
  modeOf,
  REQUEST_QUIESCE,
  setMode,
  synchronize,
  takeRequests,
  waitUntilSeen,
} from './grace-period.ts';
export {
  type Again,
  type AnswerOptions,
  type Ask,
  AskingShared,
  answer,
  answerAsked,
  drive,
  type Replay,
  ReplayError,
  type Run,
  record,
  type Step,
} from './logged.ts';
export * as mutex from './mutex.ts';
export {
  type Answer,
  formatOperation,
  isSameOperation,
  type Operation,
  perform,
  type Verb,
} from './operation.ts';
export { createRam, type Ram } from './ram.ts';
export * as rwlock from './rwlock.ts';
export {
  modeAddress,
  requestsAddress,
  type SeamMap,
  type SeamSize,
  seamMap,
} from './seam-map.ts';
export {
  type Parking,
  type Shared,
  type SharedEvent,
  WAIT_NOT_EQUAL,
  WAIT_TIMED_OUT,
  WAIT_WOKEN,
  type Words,
} from './shared.ts';
export { connectThread, createSharedMemory } from './threads.ts';
export {
  type ConnectOptions,
  type LockTimes,
  type SharedMemory,
  WasmShared,
} from './wasm-shared.ts';
