// What a thread did, told in the lines of the user's files.
import type { Again, Operation, Run } from '@faultline/atomics';
import { withUsersTraces } from './site.ts';

type Pending = Run<unknown> & { readonly state: 'pending' };

/** Traces are written out when somebody asks: that costs more than all the rest of a run. */
export class UsersRun {
  readonly state = 'pending';
  readonly operation: Operation;
  readonly again: Again | undefined;
  readonly #site: () => string;

  constructor(run: Pending, files: ReadonlySet<string>, claimed: Error | undefined) {
    this.operation = run.operation;
    this.again = run.again && new UsersClaim(run.again, files, claimed);
    this.#site = () => withUsersTraces(files, () => run.site);
  }

  get site(): string {
    return this.#site();
  }
}

class UsersClaim implements Again {
  readonly position: number;
  readonly live: readonly number[];
  readonly #site: () => string;

  constructor({ position, live }: Again, files: ReadonlySet<string>, trace: Error | undefined) {
    this.position = position;
    this.live = live;
    this.#site = () => withUsersTraces(files, () => trace?.stack ?? '');
  }

  get site(): string {
    return this.#site();
  }
}
