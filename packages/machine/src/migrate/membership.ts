// Which connections are one migration: those of the first one's session, each once.
import { damaged, type Header } from './records.ts';
import { assertSameShape } from './shape.ts';

export class Membership {
  /** Of the first connection that came. */
  header: Header | undefined;
  readonly #numbers = new Set<number>();

  /** Throws a MigrationError for a connection of another migration, and for one that is here already. */
  add(header: Header): void {
    this.header ??= header;
    assertSameMigration(this.header, header);
    if (this.#numbers.has(header.channel)) {
      throw damaged(0, 'each connection once', `connection ${header.channel} again`);
    }
    this.#numbers.add(header.channel);
  }

  /** All have broken and may come anew. */
  clear(): void {
    this.#numbers.clear();
  }
}

function assertSameMigration(first: Header, other: Header): void {
  const { session, channels } = first;
  if (other.session !== session || other.channels !== channels) {
    const expected = `another connection of migration ${session}, of ${channels}`;
    throw damaged(0, expected, `one of ${other.session}, of ${other.channels}`);
  }
  assertSameShape(first.shape, other.shape);
}
