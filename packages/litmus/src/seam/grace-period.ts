// Result: Never (a freed frame is read, the writer sleeps for ever); with each of the mistakes below: Sometimes.
//
// A writer unlinks a frame, waits for a grace period and frees it, while a reader goes in and out and polls.
// Source: atomics/src/grace-period.ts.
import {
  MODE_STATE,
  type Mode,
  makeRequest,
  modeAddress,
  modeOf,
  REQUEST_QUIESCE,
  requestsAddress,
  type SeamMap,
  type Shared,
  seamMap,
  setMode,
  synchronize,
  takeRequests,
} from '@faultline/atomics';
import type { Body, Program } from '@faultline/checker';
import type { Litmus } from '../litmus.ts';
import { litmusesOf } from '../protocol.ts';
import { waitingInWords } from './waiting-in-words.ts';

const OUTSIDE = 0;
const INSIDE = 1;
const READER = 0;

/** Frames enough for setup, which has a share of them as every thread has: see the checker's alloc. */
const mapFor = (writers: number): SeamMap => {
  const threads = 1 + writers;
  return seamMap({ threads, words: 64, frames: writers * (threads + 1), frameBytes: 8, ram: 0 });
};
/** The word that leads to the frame of a writer: thread 1 and up. */
const linkOf = (writer: number): number => mapFor(2).wordsAt + 4 * writer;

interface GracePeriod {
  readonly writers: number;
  readonly sections: number;
  /** Looks at its requests inside each section. */
  readonly polls: number;
  readonly enter: (mem: Shared, mode: Mode) => void;
  /** Unlinks the frame at `link`, and answers it when nobody holds it. */
  readonly unlink: (mem: Shared, link: number, writers: number) => number;
}

const unlinkAfterwards =
  (wait: (mem: Shared, writers: number) => void): GracePeriod['unlink'] =>
  (mem, link, writers) => {
    const frame = mem.xchg32(link, 0);
    wait(mem, writers);
    return frame;
  };

const enterWith =
  (set: typeof setMode): GracePeriod['enter'] =>
  (mem, mode) => {
    while (set(mem, mode, INSIDE) !== 0) takeRequests(mem, mode);
  };

const shipped: GracePeriod = {
  writers: 1,
  sections: 1,
  polls: 1,
  enter: enterWith(setMode),
  unlink: unlinkAfterwards((mem, writers) => synchronize(mem, mapFor(writers))),
};

/** Reaches every frame that is linked, looks at its requests, and reads what it has reached and still may hold. */
const reader =
  ({ writers, sections, polls, enter }: GracePeriod): Body =>
  (own) => {
    const mem = waitingInWords(own);
    const mode = modeOf(READER);
    const reach = (): number[] =>
      Array.from({ length: writers }, (_, writer) => mem.load32(linkOf(writer + 1)));
    for (let section = 0; section < sections; section++) {
      enter(mem, mode);
      let frames = reach();
      for (let poll = 0; poll < polls; poll++) {
        if (mem.load32(mode.requests) === 0) continue;
        enter(mem, mode);
        frames = reach();
      }
      for (const frame of frames) {
        if (frame !== 0) mem.load64(frame);
      }
      setMode(mem, mode, OUTSIDE);
    }
  };

const writer =
  ({ unlink, writers }: GracePeriod): Body =>
  (own) => {
    const mem = waitingInWords(own);
    mem.free(unlink(mem, linkOf(mem.thread), writers));
  };

function program(name: string, parts: GracePeriod): Program {
  const map = mapFor(parts.writers);
  const writers = Array.from({ length: parts.writers }, (_, n) => n + 1);
  return {
    name,
    threads: {
      reader: reader(parts),
      ...Object.fromEntries(writers.map((thread) => [`writer${thread}`, writer(parts)])),
    },
    setup(mem) {
      for (const thread of writers) mem.store32(linkOf(thread), mem.alloc());
    },
    sometimes: {
      'the reader is asked for while it is inside': (mem) =>
        (mem.load32(modeAddress(READER)) & MODE_STATE) === INSIDE &&
        mem.load32(requestsAddress(READER)) !== 0,
    },
    frames: map,
    words: [
      { name: 'mode', address: modeAddress(READER) },
      { name: 'requests', address: requestsAddress(READER) },
      ...writers.map((thread) => ({ name: `link ${thread}`, address: linkOf(thread) })),
    ],
  };
}

export const GRACE_PERIOD: readonly Litmus[] = litmusesOf({
  source: 'atomics/src/grace-period.ts; quiescent-state-based RCU',
  rule: 'Unlink, request, look at the mode, then at the requests; the reader stores its mode before it looks, and wakes whenever it has taken anything.',
  links: ['https://docs.kernel.org/RCU/whatisRCU.html'],
  program,
  holds: {
    'grace-period': {
      title: 'A frame is unlinked and freed while a reader that polls may hold it',
      story:
        'Either the writer sees the mode of the reader and waits, or the reader stored its mode after that look, hence ' +
        'after the unlink, and cannot reach the frame.',
      parts: shipped,
    },
    'grace-period-reader-returns': {
      title: 'The reader leaves and enters again while the writer waits',
      story:
        'No value of a mode word comes back: the writer sees that the reader was outside, though it is inside again.',
      parts: { ...shipped, sections: 2 },
    },
    'grace-period-two-writers': {
      title: 'Two writers wait for one reader',
      story: 'The reader takes the requests of both at once, and its store of the mode wakes both.',
      parts: { ...shipped, writers: 2, polls: 0 },
    },
  },
  breaks: {
    'grace-period-looks-before-unlinking': {
      title: 'The writer waits first and unlinks afterwards',
      violates: 'use after free',
      story: 'The reader enters after the look and reaches the frame, which is still linked.',
      fix: 'Unlink first: whoever enters after the look finds nothing.',
      parts: {
        unlink(mem, link, writers) {
          synchronize(mem, mapFor(writers));
          return mem.xchg32(link, 0);
        },
      },
    },
    'grace-period-no-wait': {
      title: 'The writer asks the readers to let go and does not wait',
      violates: 'use after free',
      story: 'The reader has the frame in its hands when it is freed.',
      fix: 'Wait for each reader that was inside.',
      parts: {
        unlink: unlinkAfterwards((mem) => void makeRequest(mem, READER, REQUEST_QUIESCE)),
      },
    },
    'grace-period-overlooks-taken': {
      title: 'The writer waits for a reader that has taken the request already',
      violates: 'lost wakeup',
      story:
        'The reader takes the request and stores its mode; the writer reads that mode and waits for another. The reader ' +
        'owes nobody another store, and when it leaves nothing is pending: it wakes nobody.',
      fix: 'After the mode look at the requests: none pending means that ours was taken.',
      parts: {
        unlink: unlinkAfterwards((mem) => {
          makeRequest(mem, READER, REQUEST_QUIESCE);
          const mode = mem.load32(modeAddress(READER));
          if ((mode & MODE_STATE) !== OUTSIDE) mem.waitWhile(modeAddress(READER), mode);
        }),
      },
    },
    'grace-period-wakes-pending-only': {
      title:
        'The reader takes a request, stores its mode, and wakes nobody since nothing is pending',
      violates: 'lost wakeup',
      story:
        'The writer sleeps on the mode; its request was taken just before, so that it no longer shows.',
      fix: 'A reader that has taken requests wakes whoever sleeps on its mode, also when none are left.',
      parts: {
        enter: enterWith((mem, mode, state) => {
          mode.word = ((mode.word | MODE_STATE) + 1) | state;
          mem.store32(mode.address, mode.word);
          const pending = mem.load32(mode.requests);
          if (pending !== 0) mem.notify(mode.address);
          mode.taken = false;
          return pending;
        }),
      },
    },
  },
});
