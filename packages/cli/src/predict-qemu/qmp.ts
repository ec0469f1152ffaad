// QEMU's monitor over a socket: a command at a time, each answered with what it returns.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

const MOST_ATTEMPTS = 200;
const ATTEMPT_MS = 25;

export class Qmp {
  readonly #socket: Socket;
  readonly #answers: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#answers = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  /** Of a QEMU that may not be listening yet. */
  static async open(path: string): Promise<Qmp> {
    const monitor = new Qmp(await connected(path));
    await monitor.#answers.next(); // its greeting
    await monitor.execute('qmp_capabilities');
    return monitor;
  }

  async execute(command: string, options: object = {}): Promise<unknown> {
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: options })}\n`);
    for (;;) {
      const { value, done } = await this.#answers.next();
      if (done) throw new Error(`${command}: expected an answer, got the end of QEMU`);
      const answer = JSON.parse(value) as Answer;
      if (answer.error !== undefined) throw new Error(`${command}: ${answer.error.desc}`);
      if ('return' in answer) return answer.return; // anything else is an event
    }
  }

  /** A line for QEMU's other monitor, and the text that it answers. */
  async human(line: string): Promise<string> {
    return (await this.execute('human-monitor-command', { 'command-line': line })) as string;
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function connected(path: string): Promise<Socket> {
  for (let attempt = 0; ; attempt++) {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (attempt >= MOST_ATTEMPTS) throw error;
      await sleep(ATTEMPT_MS);
    }
  }
}
