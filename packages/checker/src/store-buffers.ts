// Store buffers of x86-TSO: each thread's plain stores, oldest first. A whole buffer is one number, so that a state holds it
// in one slot: 0 is the empty buffer, and equal buffers have equal numbers.
import type { Instruction } from './instruction.ts';

export interface BufferedStore {
  /** What put it there. */
  readonly by: Instruction;
  readonly cell: number;
  readonly cell2: number;
  readonly low: number;
  readonly high: number;
}

export class StoreBuffers {
  readonly #buffers: (readonly BufferedStore[])[] = [[]];
  readonly #numbers = new Map<string, number>([['', 0]]);

  append(buffer: number, store: BufferedStore): number {
    return this.#number([...this.#at(buffer), store]);
  }

  oldest(buffer: number): { entry: BufferedStore; rest: number } {
    const [entry, ...rest] = this.#at(buffer) as [BufferedStore, ...BufferedStore[]];
    return { entry, rest: this.#number(rest) };
  }

  /** What a load would be forwarded: the newest store of those cells; `partly` if it would have to wait for memory. */
  find(buffer: number, cell: number, cell2: number): BufferedStore | 'partly' | undefined {
    const stores = this.#at(buffer);
    for (let at = stores.length - 1; at >= 0; at--) {
      const store = stores[at] as BufferedStore;
      if (store.cell === cell && store.cell2 === cell2) return store;
      if (store.cell === cell && cell2 < 0) return { ...store, cell2, high: 0 };
      if (store.cell2 === cell && cell2 < 0)
        return { ...store, cell, cell2, low: store.high, high: 0 };
      const meets = [store.cell, store.cell2].some((c) => c >= 0 && (c === cell || c === cell2));
      if (meets) return 'partly';
    }
    return undefined;
  }

  #at(buffer: number): readonly BufferedStore[] {
    return this.#buffers[buffer] as readonly BufferedStore[];
  }

  #number(stores: readonly BufferedStore[]): number {
    const key = stores.map(({ cell, cell2, low, high }) => [cell, cell2, low, high]).join(';');
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#buffers.length;
      this.#buffers.push(stores);
      this.#numbers.set(key, number);
    }
    return number;
  }
}
