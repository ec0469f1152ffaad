// A destination without an MMU whose guest runs while pages are missing: a test is the guest.
import type { DestinationMemory } from '../src/index.ts';
import { plainMemory } from '../src/index.ts';
import { PAGE } from './plain-guest.ts';

export interface PostcopyMemoryOfTest extends DestinationMemory {
  readonly bytes: Uint8Array;
  readonly missing: ReadonlySet<number>;
  /** Pages in the order in which they were installed. */
  readonly installed: readonly number[];
  /** What came of the guest's state, and whether it was the last word. */
  readonly states: readonly { readonly state: number; readonly isLast: boolean }[];
  /** The handover has come. */
  readonly running: Promise<void>;
  isRunning(): boolean;
  /** As a vCPU that reads a byte of a page. */
  touch(hvn: number): Promise<number>;
  /** As a vCPU that stores one. */
  store(hvn: number, value: number): Promise<void>;
}

export function postcopyMemory(pages: number): PostcopyMemoryOfTest {
  const bytes = new Uint8Array(pages * PAGE);
  const missing = new Set<number>();
  const installed: number[] = [];
  const states: { state: number; isLast: boolean }[] = [];
  const waiting = new Map<number, (() => void)[]>();
  let ask: ((hvn: number) => void) | undefined;
  let started = (): void => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const present = async (hvn: number): Promise<void> => {
    if (!missing.has(hvn)) return;
    const came = new Promise<void>((resolve) => {
      waiting.set(hvn, [...(waiting.get(hvn) ?? []), resolve]);
    });
    ask?.(hvn);
    await came;
  };
  return {
    ...plainMemory(bytes, PAGE),
    bytes,
    missing,
    installed,
    states,
    running,
    isRunning: () => ask !== undefined,
    loadState: ([state = 0]) => void states.push({ state, isLast: true }),
    previewState: ([state = 0]) => void states.push({ state, isLast: false }),
    async touch(hvn) {
      await present(hvn);
      return bytes[hvn * PAGE] as number;
    },
    async store(hvn, value) {
      await present(hvn);
      bytes[hvn * PAGE] = value;
    },
    postcopy: {
      markMissing(hvn, npages) {
        for (let page = hvn; page < hvn + npages; page++) missing.add(page);
        bytes.fill(0xee, hvn * PAGE, (hvn + npages) * PAGE);
      },
      install(hvn, contents) {
        if (!missing.delete(hvn)) throw new Error(`expected page ${hvn} missing, got it twice`);
        bytes.fill(0, hvn * PAGE, (hvn + 1) * PAGE);
        if (contents !== undefined) bytes.set(contents, hvn * PAGE);
        installed.push(hvn);
        for (const wake of waiting.get(hvn) ?? []) wake();
      },
      run(listener) {
        ask = listener;
        started();
      },
    },
  };
}
