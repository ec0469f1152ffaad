// A machine for authors of emulators: memory, vCPUs, dirty pages per consumer, snapshots, migration. Nothing of Node here.
export { createSharedMemory } from '@faultline/atomics';
