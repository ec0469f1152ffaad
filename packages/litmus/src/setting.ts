// The setting of a race: a VM as small as the race needs (one table of two entries, two pages of one word, all of it one
// logged slot). The MMU is the one that ships; only the setting is small.
//
// The vCPUs are the threads from 0 on, then come the agents: the host's own threads (ksmd, a migration, the VMM). `setup`
// runs alone and brings the VM to the moment where the race begins.
import { type SeamMap, type Shared, seamMap } from '@faultline/atomics';
import type { Body, Program, Results } from '@faultline/checker';
import {
  KVM_MEM_LOG_DIRTY_PAGES,
  type Memslot,
  newVcpu,
  readMemslots,
  seamSize,
  type Vcpu,
  type Vm,
  type VmConfig,
  validRoot,
  vmConfig,
  vmMap,
} from '@faultline/mmu';
import { namedWords } from './named-words.ts';
import { inGuest, initSmallVm, prepareSeam, rememberMemslots, settle } from './small-vm.ts';

/** With the root and the memslots known from before. Everything else that it keeps, it makes. */
export type VcpuBody = (mem: Shared, vm: Vm, vcpu: Vcpu) => unknown;
/** Begins and ends in the guest, or outside: as a VMM's thread does between two runs of its vCPU. */
export type VcpuThread = VcpuBody | { readonly outside: VcpuBody };
/** Outside. */
export type AgentBody = (mem: Shared, vm: Vm) => unknown;
export type VmProperty = (mem: Shared, vm: Vm) => boolean;
export type VmEnd<Said = boolean> = (mem: Shared, vm: Vm, results: Results) => Said;
type Named<Value> = Readonly<Record<string, Value>>;

export interface Race extends Pick<Program, 'name' | 'idle' | 'dataRaces' | 'oops'> {
  /** What differs from the smallest VM. */
  readonly vm?: Partial<Omit<VmConfig, 'vcpus' | 'agents' | 'tableFrames'>>;
  /** Page frames that the host has, in the order in which it hands them out; all below `pageFrames` if absent. */
  readonly pfns?: readonly number[];
  /** Of slot 0; logged if absent. */
  readonly flags?: number;
  readonly setup?: (mem: Shared, vm: Vm) => void;
  /** Called vcpu0, vcpu1, ... */
  readonly vcpus: readonly VcpuThread[];
  readonly agents?: Named<AgentBody>;
  readonly always?: Named<VmProperty>;
  readonly sometimes?: Named<VmProperty>;
  readonly finally?: Named<VmEnd>;
  readonly observe?: VmEnd<unknown>;
}

const SMALLEST = {
  geometry: { levels: 1, indexBits: 1 },
  pageWords: 1,
  hostPages: 2,
  pageFrames: 4,
  pollInterval: 2,
} satisfies Partial<VmConfig>;

/** What every vCPU has read before the race. */
interface Known {
  readonly root: Vm['roots'][0];
  readonly generation: number;
  readonly slots: readonly Memslot[];
}

/** Each thread has table frames of its own, and so has setup: see the checker's alloc. */
const FRAMES_EACH = 4;

/** The program of a race in a small VM. */
export function race(given: Race): Program {
  const { vcpus, agents = {} } = given;
  const threads = vcpus.length + Object.keys(agents).length;
  const config = vmConfig({
    ...SMALLEST,
    ...given.vm,
    hostPages: given.vm?.hostPages ?? SMALLEST.hostPages,
    vcpus: vcpus.length,
    agents: Math.max(1, Object.keys(agents).length),
    tableFrames: FRAMES_EACH * (threads + 1),
  });
  const map = seamMap(seamSize(config));
  const first = map.framesAt + threads * FRAMES_EACH * map.frameBytes;
  const vm = vmMap(config, map, [first, first + map.frameBytes]);
  const pfns = given.pfns ?? Array.from({ length: config.pageFrames }, (_, pfn) => pfn);
  const { setup, vcpuThread, agentThread } = bodies(given, { vm, map, pfns });
  const { name, idle, dataRaces, oops, observe } = given;
  const bodyOf: Named<Body> = {
    ...Object.fromEntries(vcpus.map((body, id) => [`vcpu${id}`, vcpuThread(body, id)])),
    ...Object.fromEntries(Object.entries(agents).map(([who, body]) => [who, agentThread(body)])),
  };
  return {
    name,
    threads: bodyOf,
    setup,
    frames: map,
    words: namedWords(vm, map, { pfns, threads: Object.keys(bodyOf) }),
    ...(given.always && { always: allOf(vm, given.always) }),
    ...(given.sometimes && { sometimes: allOf(vm, given.sometimes) }),
    ...(given.finally && { finally: allOf(vm, given.finally) }),
    ...(observe && { observe: of(vm, observe) }),
    ...(idle && { idle }),
    ...(dataRaces && { dataRaces }),
    ...(oops !== undefined && { oops }),
  };
}

type OfVm<Rest extends unknown[], Said> = (mem: Shared, vm: Vm, ...rest: Rest) => Said;

const of =
  <Rest extends unknown[], Said>(vm: Vm, say: OfVm<Rest, Said>) =>
  (mem: Shared, ...rest: Rest): Said =>
    say(mem, vm, ...rest);

const allOf = <Rest extends unknown[], Said>(vm: Vm, says: Named<OfVm<Rest, Said>>) =>
  Object.fromEntries(Object.entries(says).map(([name, say]) => [name, of(vm, say)]));

interface Place {
  readonly vm: Vm;
  readonly map: SeamMap;
  readonly pfns: readonly number[];
}

function bodies(given: Race, { vm, map, pfns }: Place) {
  let known: Known = { root: vm.roots[0], generation: -1, slots: [] };
  const setup = (own: Shared): void => {
    const mem = prepareSeam(own, map);
    initSmallVm(mem, vm, { pfns, flags: given.flags ?? KVM_MEM_LOG_DIRTY_PAGES });
    given.setup?.(mem, vm);
    settle(mem, vm);
    const generation = mem.load32(vm.at.memslots);
    known = {
      root: validRoot(mem, vm),
      generation,
      slots: readMemslots(mem, vm, generation),
    };
  };
  const vcpuThread =
    (body: VcpuThread, id: number): Body =>
    (own) => {
      const mem = prepareSeam(own, map);
      const vcpu = newVcpu(id);
      vcpu.fault.root = known.root;
      rememberMemslots(vcpu, known.generation, known.slots);
      if (typeof body === 'function') return inGuest(mem, vm, vcpu, body);
      return body.outside(mem, vm, vcpu);
    };
  const agentThread =
    (body: AgentBody): Body =>
    (own) =>
      body(prepareSeam(own, map), vm);
  return { setup, vcpuThread, agentThread };
}
