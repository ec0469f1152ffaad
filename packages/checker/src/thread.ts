// A body over the seam as a thread that a search can run again and again.
import { AskingShared, answerAsked } from '@faultline/atomics';
import type { Body, Thread } from './program.ts';

export interface ThreadOptions {
  readonly thread: number;
  /** One of several that trade places: it must not ask which one it is. */
  readonly nameless: boolean;
}

const NAMELESS: PropertyDescriptor = {
  get() {
    throw new Error(
      'expected a symmetric thread not to ask for its number; usual cause: private words addressed by `mem.thread`: ' +
        'leave the thread out of `symmetric`',
    );
  },
};

export function threadOf(body: Body | Thread, { thread, nameless }: ThreadOptions): Thread {
  if (typeof body !== 'function') return body;
  return {
    run: (log) =>
      answerAsked((replay) => {
        const mem = new AskingShared(thread, replay.ask, replay.claim);
        if (nameless) Object.defineProperty(mem, 'thread', NAMELESS);
        return body(mem);
      }, log),
  };
}
