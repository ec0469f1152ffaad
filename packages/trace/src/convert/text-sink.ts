// Text on its way to a sink of bytes, in pieces that are worth a call.
import type { Sink } from './converter.ts';

const PIECE_CHARACTERS = 64 * 1024;

export class TextSink {
  readonly #sink: Sink;
  readonly #encoder = new TextEncoder();
  #text = '';

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(text: string): void {
    this.#text += text;
    if (this.#text.length >= PIECE_CHARACTERS) this.flush();
  }

  /** Hands over what is left. */
  flush(): void {
    if (this.#text !== '') this.#sink(this.#encoder.encode(this.#text));
    this.#text = '';
  }
}
