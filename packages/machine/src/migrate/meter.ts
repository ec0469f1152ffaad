// Times and counts of one migration, kept while it runs.
import type { Clock } from './channel.ts';
import type { MigrationInfo, MigrationStatus } from './migration-info.ts';
import type { Sent } from './page-sender.ts';
import { pageRanges, type Shape } from './shape.ts';

export class Meter {
  readonly sent: Sent = { normal: 0, duplicate: 0 };
  /** Percent that the vCPUs do not run. */
  throttle = 0;
  readonly #clock: Clock;
  readonly #pageSize: number;
  readonly #pages: number;
  readonly #startedAt: number;
  readonly #rounds: number[] = [];
  #setupMs = 0;
  #stoppedAt: number | undefined;
  #downtimeMs = 0;
  #verifyMs = 0;
  #digest: number | undefined;
  #remaining: number;
  #mode: MigrationInfo['mode'] = 'precopy';
  #harvests = 0;
  #requests = 0;
  #harvestedAt: number;
  #dirtyRate = 0;
  #transferred = 0;
  #roundFrom = 0;
  #sentBefore: Sent = { normal: 0, duplicate: 0 };
  #bytesPerMs = 0;
  /** What a page with contents takes on the wire: less than its size when it is compressed. */
  #bytesPerPage: number;
  #confirmed = true;

  constructor(shape: Shape, clock: Clock) {
    this.#clock = clock;
    this.#pageSize = shape.pageSize;
    this.#bytesPerPage = shape.pageSize;
    this.#pages = pageRanges(shape).reduce((sum, { npages }) => sum + npages, 0);
    this.#remaining = this.#pages;
    this.#startedAt = clock.now();
    this.#harvestedAt = this.#startedAt;
  }

  isSetUp(): void {
    this.#setupMs = this.elapsedMs();
    this.#harvestedAt = this.#clock.now();
  }

  elapsedMs(): number {
    return this.#clock.now() - this.#startedAt;
  }

  beginRound(): void {
    this.#roundFrom = this.#clock.now();
    this.#sentBefore = { ...this.sent };
  }

  /** `transferred`: bytes so far. Answers those of this round. */
  endRound(transferred: number): number {
    const bytes = transferred - this.#transferred;
    const ms = Math.max(0.01, this.#clock.now() - this.#roundFrom);
    // A round of few bytes says what a round trip takes: the bandwidth is at least that.
    if (bytes >= LEAST_TO_MEASURE) this.#bytesPerMs = bytes / ms;
    else this.#bytesPerMs = Math.max(this.#bytesPerMs, bytes / ms);
    this.#transferred = transferred;
    const normal = this.sent.normal - this.#sentBefore.normal;
    if (normal > 0) this.#bytesPerPage = bytes / normal;
    this.#rounds.push(normal + this.sent.duplicate - this.#sentBefore.duplicate);
    return bytes;
  }

  harvested(dirty: number, remaining: number): void {
    const now = this.#clock.now();
    this.#dirtyRate = (dirty * 1000) / Math.max(1, now - this.#harvestedAt);
    this.#harvestedAt = now;
    this.#remaining = remaining;
    this.#harvests++;
  }

  /** Milliseconds for `pages`, at the bandwidth that was measured last. */
  expectedDowntime(pages: number): number {
    return pages === 0 ? 0 : (pages * this.#bytesPerPage) / this.#bytesPerMs;
  }

  /** The log was read for the last time, and what is left goes by post-copy. */
  postcopy(remaining: number): void {
    this.#mode = 'postcopy';
    this.#harvests++;
    this.#remaining = remaining;
  }

  /** Post-copy: the destination's guest waits for so many pages more. */
  asked(pages: number): void {
    this.#requests += pages;
  }

  /** Post-copy: what is left to send, and the bytes sent so far. */
  pushed(remaining: number, transferred: number): void {
    this.#remaining = remaining;
    this.#transferred = transferred;
  }

  /** The log was read for the last time, and all that it held has been sent. */
  complete(): void {
    this.#harvests++;
    this.#remaining = 0;
  }

  stopped(): void {
    this.#stoppedAt = this.#clock.now();
  }

  resumed(): void {
    if (this.#stoppedAt !== undefined) this.#downtimeMs = this.#clock.now() - this.#stoppedAt;
  }

  verified(digest: number, ms: number): void {
    this.#digest = digest;
    this.#verifyMs = ms;
  }

  /** The handover may not have been heard. */
  unconfirmed(): void {
    this.#confirmed = false;
  }

  report(status: MigrationStatus): MigrationInfo {
    const { normal, duplicate } = this.sent;
    return {
      status,
      mode: this.#mode,
      'total-time': this.elapsedMs(),
      'setup-time': this.#setupMs,
      downtime: this.#downtimeMs,
      ...(this.#bytesPerMs === 0
        ? {}
        : { 'expected-downtime': this.expectedDowntime(this.#remaining) }),
      'verify-time': this.#verifyMs,
      'cpu-throttle-percentage': this.throttle,
      ram: {
        transferred: this.#transferred,
        remaining: this.#remaining * this.#pageSize,
        total: this.#pages * this.#pageSize,
        duplicate,
        normal,
        'normal-bytes': normal * this.#pageSize,
        'dirty-pages-rate': this.#dirtyRate,
        mbps: (this.#bytesPerMs * 8) / 1000,
        'dirty-sync-count': this.#harvests,
        'postcopy-requests': this.#requests,
        'page-size': this.#pageSize,
      },
      rounds: [...this.#rounds],
      confirmed: this.#confirmed,
      ...(this.#digest === undefined ? {} : { digest: this.#digest }),
    };
  }
}

const LEAST_TO_MEASURE = 65_536;
