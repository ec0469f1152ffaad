// Takes from a realm what answers differently each time, or later, or elsewhere.
import { construct, type Globals } from './globals.ts';
import type { World } from './world.ts';

/** What answers differently each time, or later. */
const TIMERS =
  'setTimeout setInterval setImmediate queueMicrotask requestAnimationFrame fetch'.split(' ');
const ELSEWHERE = 'Worker SharedWorker MessageChannel BroadcastChannel'.split(' ');

/** A thread is run many times, and must do the same each time. */
export function refuseChance(world: World, globals: Globals & Record<string, unknown>): void {
  const refuse = (got: string): never => {
    throw world.refuse('code that does the same whenever it is run', got);
  };
  const { Date: RealDate } = globals;
  const now = (): never => refuse('the time of day');
  RealDate.now = now;
  globals.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      args.length === 0 ? now() : Reflect.construct(target, args, newTarget),
    apply: now,
  });
  globals.Math.random = () => refuse('Math.random');
  globals.performance = { now: () => refuse('performance.now') } as never;
  globals.crypto = {
    getRandomValues: () => refuse('crypto.getRandomValues'),
    randomUUID: () => refuse('crypto.randomUUID'),
  } as never;
  for (const name of TIMERS) {
    globals[name] = (() => {
      throw world.refuse('work that is done when the function returns', name);
    }) as never;
  }
  for (const name of ELSEWHERE) {
    globals[name] = class {
      constructor() {
        throw world.refuse('threads exported as functions', `new ${name}`);
      }
    } as never;
  }
  const { WebAssembly: wasm } = globals;
  wasm.Memory = construct(wasm.Memory, (make, [descriptor]) => {
    if ((descriptor as { shared?: boolean } | undefined)?.shared !== true) return make();
    throw world.refuse('shared memory as a SharedArrayBuffer', 'a shared WebAssembly.Memory');
  });
}
