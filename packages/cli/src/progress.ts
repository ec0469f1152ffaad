// One line on a terminal that says what is going on; nothing in a pipe.

export class Progress {
  readonly #terminal = process.stderr.isTTY === true;

  show(text: string): void {
    if (this.#terminal) process.stderr.write(`\r\x1b[2K${text}`);
  }

  clear(): void {
    if (this.#terminal) process.stderr.write('\r\x1b[2K');
  }
}
