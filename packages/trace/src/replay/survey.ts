// What VM a recording is of: read once, before anything is replayed.
import {
  isLastSpte,
  isMmioSpte,
  isShadowPresent,
  isWritable,
  KVM_MEM_LOG_DIRTY_PAGES,
  leadsToTable,
  type ManualDirtyLogProtect,
  type MmuKind,
  PAGE_SIZE,
  type Spte,
  spteToPfn,
  type VmOptions,
} from '@faultline/mmu';
import type { Marker } from '../marker.ts';
import type { TraceBody } from '../trace-event.ts';
import type { Recording } from './acts/recording.ts';
import { FrameMap } from './frame-map.ts';
import { HostMemory } from './host-memory.ts';

const KVM_DIRTY_LOG_INITIALLY_SET = 2;
/** From here on it is no frame but an error, or the word for no memory. KVM: KVM_PFN_ERR_NOSLOT_MASK. */
const NO_PFN = 2 ** 52;
/** KVM: KVM_MAX_VCPU_IDS is of this order; a larger number comes from a damaged line. */
const VCPU_LIMIT = 64;

export interface Survey {
  readonly frames: FrameMap;
  readonly host: HostMemory;
  readonly options: VmOptions;
}

/** Throws a RangeError when there is nothing to replay, or no MMU here that could. */
export function survey({ events, actOf, isIndirect }: Recording): Survey {
  const found = new Surveyor();
  for (const [index, { body }] of events.entries()) found.look(body, actOf[index]?.kind ?? 'other');
  const result = found.result();
  if (isIndirect && result.options.mmu === 'legacy') {
    throw new RangeError(
      'expected a guest whose pages the MMU maps directly, got one whose own page tables it shadows: there is no shadow MMU here',
    );
  }
  return result;
}

class Surveyor {
  readonly #frames = new FrameMap();
  readonly #host = new HostMemory();
  #vcpus = 0;
  #levels = 4;
  #tables = 0;
  #changes = 0;
  #leaves = 0;
  #large = false;
  /** Is an entry that maps nothing 0, as before KVM 6.10? */
  #isZeroNonpresent = false;
  #eager = true;
  #logging = false;
  #manual: ManualDirtyLogProtect = 'none';
  #ring = 0;

  look(body: TraceBody, within: string): void {
    if (body.event === 'kvm_page_fault') this.#sawVcpu(body.vcpu_id);
    else if (body.event === 'fast_page_fault') this.#sawLeaf(body.old_spte);
    else if (body.event === 'kvm_mmu_spte_requested') {
      if (body.pfn < NO_PFN) this.#frames.add(body.pfn);
    } else if (body.event === 'kvm_mmu_set_spte') {
      this.#leaves++;
      if (body.level > 1) this.#large = true;
      this.#sawLeaf(body.spte);
    } else if (body.event === 'kvm_tdp_mmu_spte_changed') {
      this.#changes++;
      this.#levels = Math.max(this.#levels, body.level);
      this.#isZeroNonpresent ||= isZero(body.old_spte);
      this.#sawEntry(body.old_spte, body.level);
      this.#sawEntry(body.new_spte, body.level);
      if (body.level > 1 && leadsToTable(body.new_spte.low)) this.#tables++;
      // Protected as it was, when its log began: so it was not split then.
      const isProtected = isWritable(body.old_spte.low) && !isWritable(body.new_spte.low);
      if (within === 'ioctl' && body.level > 1 && isProtected && isShadowPresent(body.new_spte.low))
        this.#eager = false;
    } else if (body.event === 'marker') this.#marker(body.marker);
  }

  #sawVcpu(id: number): void {
    if (!(id >= 0 && id < VCPU_LIMIT)) {
      throw new RangeError(`expected a vCPU below ${VCPU_LIMIT}, got ${id}`);
    }
    this.#vcpus = Math.max(this.#vcpus, id + 1);
  }

  #sawEntry(spte: Spte, level: number): void {
    if (level === 1 || isLastSpte(spte.low, level)) this.#sawLeaf(spte);
  }

  #sawLeaf({ low, high }: Spte): void {
    if (isShadowPresent(low) && !isMmioSpte(low, high)) this.#frames.add(spteToPfn(low, high));
  }

  #marker(marker: Marker): void {
    if (marker.ev === 'memslot') {
      if (marker.size > 0) this.#host.place(Number(marker.hva), marker.size / PAGE_SIZE);
      this.#logging ||= (marker.flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0;
    } else if (marker.ev === 'enable_cap' && marker.errno === 0) {
      const { cap, arg = 0, entries } = marker;
      if (cap === 'MANUAL_DIRTY_LOG_PROTECT2' && arg !== 0) {
        this.#manual = (arg & KVM_DIRTY_LOG_INITIALLY_SET) === 0 ? 'enable' : 'initially-set';
      } else if (cap.startsWith('DIRTY_LOG_RING') && entries !== undefined) this.#ring = entries;
    }
  }

  result(): Survey {
    if (this.#vcpus === 0) {
      throw new RangeError(
        'expected kvm_page_fault events of a vCPU, got none; usual cause: the trace was taken without kvm:kvm_page_fault',
      );
    }
    if (this.#host.pages === 1) {
      throw new RangeError(
        'expected memslot markers, got none: without them nobody knows where guest memory lies; ' +
          'docs/replay.md says how to take a trace that can be replayed',
      );
    }
    return { frames: this.#frames, host: this.#host, options: this.#options() };
  }

  #options(): VmOptions {
    const mmu: MmuKind = this.#changes > 0 || this.#leaves === 0 ? 'tdp' : 'legacy';
    return {
      mmu,
      vcpus: this.#vcpus,
      hostPages: this.#host.pages,
      pageFrames: this.#frames.size,
      pageWords: 1,
      geometry: { levels: this.#levels, indexBits: 9 },
      // As many as were ever linked: none need be given back in time.
      tableFrames: this.#tables + 2 * Math.ceil(this.#host.pages / 512) + 512 + 64 * this.#vcpus,
      manualDirtyLogProtect: this.#manual,
      dirtyRing: this.#ring,
      transparentHugepage: this.#large ? 'always' : 'never',
      eagerPageSplit: this.#eager,
      zapGranularity: this.#isZeroNonpresent ? '1G' : '4K',
    };
  }
}

const isZero = ({ low, high }: Spte): boolean => low === 0 && high === 0;
