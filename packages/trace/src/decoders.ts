// Which events are decoded, and by whom.
import type { Decode } from './decode.ts';
import { ksmDecoders } from './decode-ksm.ts';
import { markerDecoders } from './decode-marker.ts';
import { mmuDecoders } from './decode-mmu.ts';
import { vcpuDecoders } from './decode-vcpu.ts';

export const decoders: ReadonlyMap<string, Decode> = new Map(
  [mmuDecoders, vcpuDecoders, ksmDecoders, markerDecoders].flatMap((table) =>
    Object.entries(table),
  ),
);
