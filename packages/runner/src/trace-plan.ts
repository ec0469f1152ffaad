// A recorded trace turned into a script: which pages each vCPU touched, in order, and what the VMM did between.
//
// Only touches that faulted are known; played again, most fault again, because the VMM's actions are played too. A plan
// can be played any number of times: it begins with its slots made and ends with them deleted.
import type { MmuKind } from '@faultline/mmu';
import type { DirtyLog } from './dirty-log.ts';
import type { KernelCounts } from './kernel-counts.ts';
import type { Region } from './machine.ts';

/** What the VMM did. */
export type Action =
  | { readonly kind: 'create'; readonly region: Region; readonly flags: number }
  | { readonly kind: 'flags'; readonly region: Region; readonly flags: number }
  | { readonly kind: 'move'; readonly region: Region; readonly to: Region }
  | { readonly kind: 'delete'; readonly region: Region }
  | { readonly kind: 'harvest'; readonly region: Region }
  /** Of what the last harvest of the region found in this range. */
  | {
      readonly kind: 'clear';
      readonly region: Region;
      readonly firstPage: number;
      readonly numPages: number;
    }
  /** Of all dirty rings, with the regions that there were. */
  | { readonly kind: 'reset'; readonly regions: readonly Region[] }
  | { readonly kind: 'fill'; readonly region: Region }
  | { readonly kind: 'ksm'; readonly run: boolean };

/** An action, and how far each vCPU had come. */
export interface Step {
  readonly action: Action;
  /** Touches of each vCPU before it. */
  readonly touched: readonly number[];
}

/** One vCPU's touches; entry i of each array. */
export interface Touches {
  readonly length: number;
  readonly gfn: Int32Array;
  /** Page of the VMM's memory, -1 where the guest had no memory. */
  readonly hvn: Int32Array;
  /** Word within the page, times two, plus one for a write. */
  readonly word: Int32Array;
}

export interface TracePlan {
  readonly vcpus: number;
  readonly hostPages: number;
  readonly regions: readonly Region[];
  readonly steps: readonly Step[];
  readonly touches: readonly Touches[];
  readonly kernel: KernelCounts;
  /** The log that it was recorded with, and the entries of its rings. */
  readonly dirtyLog: DirtyLog;
  /** That of the recorded kernel, as far as its events tell. */
  readonly mmu: MmuKind;
  readonly dirtyRing: number;
  /** The recorded host backed some memory by huge pages: ours does so with all of it. */
  readonly transparentHugepage: boolean;
  /** Regions in which the host merged pages. */
  readonly mergeable: readonly Region[];
  /** What of the trace is played differently from how it was recorded; for the reader. */
  readonly notes: readonly string[];
}
