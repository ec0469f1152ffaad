// The connections that come, each given to one who waits. Whoever gives up waiting leaves his place to the next.
import type { Channel } from './channel.ts';

export class Arrivals {
  readonly #accept: () => Promise<Channel>;
  /** Waited for in vain: whoever comes next comes to these. */
  readonly #waiting: Promise<Channel>[] = [];

  constructor(accept: () => Promise<Channel>) {
    this.#accept = accept;
  }

  /** `orFailure` gives up by rejecting. */
  async next(orFailure: (channel: Promise<Channel>) => Promise<Channel>): Promise<Channel> {
    const accepting = this.#waiting.shift() ?? this.#accept();
    let came = false;
    const channel = accepting.then((one) => {
      came = true;
      return one;
    });
    try {
      return await orFailure(channel);
    } finally {
      if (!came) this.#waiting.push(accepting);
    }
  }
}
