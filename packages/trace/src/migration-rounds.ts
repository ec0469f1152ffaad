// The rounds of the dirty log that a trace holds, from the best source that it has. The sources that a better one has made
// useless are dropped as soon as that is known.
import type { DirtyLogRound, RoundsSource } from './dirty-log-round.ts';
import { RoundsFromIoctls } from './rounds-from-ioctls.ts';
import { RoundsFromMarkers } from './rounds-from-markers.ts';
import { RoundsFromSptes } from './rounds-from-sptes.ts';
import type { TraceEvent } from './trace-event.ts';

export interface Rounds {
  /** Undefined: the trace shows no harvest. */
  readonly source: RoundsSource | undefined;
  /** In the order of their begin. */
  readonly rounds: readonly DirtyLogRound[];
  /** Pages of all slots whose log was ever on; undefined: not known. */
  readonly loggedPages: number | undefined;
}

/** Takes a trace's events in order. Memory: a bit for each page of each round. */
export class MigrationRounds {
  readonly #markers = new RoundsFromMarkers();
  readonly #ioctls = new RoundsFromIoctls();
  readonly #sptes = new RoundsFromSptes();

  add(event: TraceEvent): void {
    this.#markers.add(event);
    if (this.#markers.rounds.length > 0) return;
    this.#ioctls.add(event);
    if (!this.#ioctls.hasRounds) this.#sptes.add(event);
  }

  end(): Rounds {
    if (this.#markers.rounds.length > 0) {
      const { rounds, loggedPages } = this.#markers;
      return { source: 'markers', rounds, loggedPages };
    }
    const loggedPages = undefined;
    if (this.#ioctls.hasRounds) {
      return { source: 'ioctls', rounds: this.#ioctls.end(), loggedPages };
    }
    this.#sptes.end();
    const { rounds } = this.#sptes;
    return { source: rounds.length > 0 ? 'sptes' : undefined, rounds, loggedPages };
  }
}
