// Which events are decoded, and by whom.
import type { Decode } from './decode.ts';
import { clockDecoders } from './decode-clock.ts';
import { dirtyRingDecoders } from './decode-dirty-ring.ts';
import { emulationDecoders } from './decode-emulation.ts';
import { hugeMemoryDecoders } from './decode-huge-memory.ts';
import { ksmDecoders } from './decode-ksm.ts';
import { markerDecoders } from './decode-marker.ts';
import { mmuDecoders } from './decode-mmu.ts';
import { nestedDecoders } from './decode-nested.ts';
import { notifierDecoders } from './decode-notifier.ts';
import { shadowDecoders } from './decode-shadow.ts';
import { syscallDecoders } from './decode-syscalls.ts';
import { vcpuDecoders } from './decode-vcpu.ts';

export const decoders: ReadonlyMap<string, Decode> = new Map(
  [
    mmuDecoders,
    shadowDecoders,
    notifierDecoders,
    dirtyRingDecoders,
    vcpuDecoders,
    emulationDecoders,
    nestedDecoders,
    clockDecoders,
    ksmDecoders,
    hugeMemoryDecoders,
    syscallDecoders,
    markerDecoders,
  ].flatMap((table) => Object.entries(table)),
);
