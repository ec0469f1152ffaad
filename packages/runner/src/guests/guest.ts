// What a guest program sees: its memory, and which words of it are its own to write.
import type { Shared } from '@faultline/atomics';
import {
  type Gpa,
  PAGE_SIZE,
  PAGE_WORDS,
  read32,
  type Vcpu,
  type Vm,
  write32,
} from '@faultline/mmu';
import type { Machine, Region } from '../machine.ts';

/** A program that runs on one vCPU. */
export interface GuestProgram {
  /** Makes `count` touches of memory. */
  run(count: number): void;
  /** At the end: looks over all that it has. Throws a LostWrite. */
  finish?(): void;
}

/** The guest found a word that is not what it wrote. */
export class LostWrite extends Error {
  override readonly name = 'LostWrite';
}

const NO_MEMORY = -1;

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

/**
 * One vCPU's view. Every word of guest memory has one writer: word `w` of a page belongs to vCPU `w % vcpus`. What it
 * stores says who stored it and the how-manieth store it was, so that a stray word betrays where it came from.
 */
export class Guest {
  readonly id: number;
  readonly vcpus: number;
  readonly regions: readonly Region[];
  readonly #mem: Shared;
  readonly #vm: Vm;
  readonly #vcpu: Vcpu;
  readonly #ledger: Int32Array;
  #stores = 0;

  constructor(mem: Shared, machine: Machine, vcpu: Vcpu, regions: readonly Region[]) {
    this.id = vcpu.id;
    this.vcpus = machine.vm.vcpus;
    this.regions = regions;
    this.#mem = mem;
    this.#vm = machine.vm;
    this.#vcpu = vcpu;
    this.#ledger = machine.ledger;
  }

  /** The word at or below `word` that this vCPU may write. */
  ownWord(word: number): number {
    const own = word - (word % this.vcpus) + this.id;
    return own < PAGE_WORDS ? own : own - this.vcpus;
  }

  /** Stores the next stamp in an own word, and keeps account of it. */
  stamp(gfn: number, hvn: number, word: number): void {
    this.#stores = (this.#stores + 1) & 0x03ff_ffff;
    this.put(gfn, hvn, word, ((this.id + 1) << 26) | this.#stores);
  }

  put(gfn: number, hvn: number, word: number, value: number): void {
    if (write32(this.#mem, this.#vm, this.#vcpu, gpaOf(gfn, word), value)) {
      this.#ledger[hvn * PAGE_WORDS + word] = value;
    }
  }

  /** What the ledger says an own word holds. */
  owned(hvn: number, word: number): number {
    return this.#ledger[hvn * PAGE_WORDS + word] as number;
  }

  /** Reads a word. */
  load(gfn: number, word: number): number {
    return read32(this.#mem, this.#vm, this.#vcpu, gpaOf(gfn, word));
  }

  /** Reads an own word and holds it against the ledger; throws a LostWrite. */
  check(gfn: number, hvn: number, word: number): void {
    this.#compare(this.load(gfn, word), gfn, hvn, word);
  }

  /** As `check`, of a place where there may be no memory now: all ones, which no stamp of up to 62 vCPUs is. */
  checkIfThere(gfn: number, hvn: number, word: number): void {
    const got = this.load(gfn, word);
    if (got !== NO_MEMORY) this.#compare(got, gfn, hvn, word);
  }

  #compare(got: number, gfn: number, hvn: number, word: number): void {
    const expected = this.owned(hvn, word);
    if (got === expected) return;
    throw new LostWrite(
      `vCPU ${this.id} gfn ${hex(gfn)} word ${word}: expected ${hex(expected)}, which it wrote last, got ${hex(got)}`,
    );
  }
}

const gpaOf = (gfn: number, word: number): Gpa => (gfn * PAGE_SIZE + word * 4) as Gpa;
