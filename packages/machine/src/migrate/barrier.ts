// Where connections wait for each other: what one sent in a round must not overtake what another sent in the round before.

interface Gate {
  readonly passed: Promise<void>;
  readonly open: (value: void | PromiseLike<void>) => void;
}

function newGate(): Gate {
  let open: Gate['open'] = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

export class Barrier {
  readonly #parties: number;
  #arrived = 0;
  #gate = newGate();

  constructor(parties: number) {
    this.#parties = parties;
  }

  /** Resolves when all parties have arrived and `last` is done, which the last one does for all; rejects as it does. */
  arrive(last: () => Promise<void>): Promise<void> {
    const { passed, open } = this.#gate;
    if (++this.#arrived === this.#parties) {
      this.#arrived = 0;
      this.#gate = newGate();
      open(last());
    }
    return passed;
  }
}
