// What each task is in the middle of.

import type { Running } from '../replayed-vm.ts';
import type { FaultAct, IoctlAct, NestedFaultAct, NotifierAct } from './act.ts';

/** An ioctl or a fault, and within either a notifier. */
export interface Task {
  fault: FaultAct | NestedFaultAct | undefined;
  notifier: NotifierAct | undefined;
  ioctl: IoctlAct | undefined;
  /** Of a vCPU: what it runs. A nested guest with tables of its own has them shadowed. */
  running: Running | 'shadowed';
}

export class Tasks {
  readonly #tasks = new Map<number, Task>();

  of(pid: number): Task {
    let task = this.#tasks.get(pid);
    if (task === undefined) {
      task = { fault: undefined, notifier: undefined, ioctl: undefined, running: 'guest' };
      this.#tasks.set(pid, task);
    }
    return task;
  }

  get pids(): readonly number[] {
    return [...this.#tasks.keys()];
  }
}
