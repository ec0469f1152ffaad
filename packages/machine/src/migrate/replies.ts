// What the destination answers, as the source waits for it.
import { MigrationError } from './failure.ts';
import { BUSY_ACK, type StreamRecord } from './records.ts';

const DIGEST = 'digest';

export class Replies {
  readonly #waiting = new Map<number | typeof DIGEST, (value: number) => void>();

  /** The number that comes with the acknowledgement of `of`: pages that arrived. */
  ackOf(of: number): Promise<number> {
    return this.#expect(of);
  }

  digest(): Promise<number> {
    return this.#expect(DIGEST);
  }

  /** Throws on what nobody waits for. */
  take(record: StreamRecord): void {
    if (record.kind === 'ack' && record.of === BUSY_ACK) return;
    if (record.kind === 'ack') this.#settle(record.of, record.pages, record);
    else if (record.kind === 'digest') this.#settle(DIGEST, record.digest, record);
    else throw unexpected(record);
  }

  #expect(key: number | typeof DIGEST): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(key, resolve));
  }

  #settle(key: number | typeof DIGEST, value: number, record: StreamRecord): void {
    const resolve = this.#waiting.get(key);
    if (resolve === undefined) throw unexpected(record);
    this.#waiting.delete(key);
    resolve(value);
  }
}

const unexpected = ({ kind, offset }: StreamRecord): MigrationError =>
  new MigrationError(
    'damaged',
    `byte ${offset}: expected an answer that was asked for, got ${kind}`,
  );
