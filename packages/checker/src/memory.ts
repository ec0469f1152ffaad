// The cells that threads share, as numbers of the search's state.
import { Cells } from './cells.ts';
import { State } from './state.ts';

export class Memory {
  readonly cells: Cells = new Cells();
  readonly state: State = new State();
  /** Cells that a property has looked at: writes of them are steps of their own. */
  readonly watched: boolean[] = [];
  /** One of them was written since somebody last cleared this. */
  watchedChanged = false;
  #isBeginning = true;

  get(cell: number): number {
    const slot = this.cells.slot[cell] as number;
    return slot < 0 ? (this.cells.initial[cell] as number) : (this.state.values[slot] as number);
  }

  put(cell: number, value: number): void {
    if (this.#isBeginning) {
      this.cells.initial[cell] = value;
      return;
    }
    if (this.watched[cell] === true) this.watchedChanged = true;
    let slot = this.cells.slot[cell] as number;
    if (slot < 0) {
      if (this.cells.initial[cell] === value) return;
      slot = this.state.addSlot(this.cells.initial[cell] as number);
      this.cells.slot[cell] = slot;
    }
    this.state.set(slot, value);
  }

  /** What was put so far is how everything begins; from here it can be undone. */
  begin(): void {
    this.#isBeginning = false;
  }
  get isBeginning(): boolean {
    return this.#isBeginning;
  }
}
