// A QEMU that runs our guest, or waits for it to arrive.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Qmp } from './qmp.ts';

const PROGRAM = 'qemu-system-x86_64';
const MIB = 2 ** 20;

/** Its first line; undefined: there is none on this machine. */
export function qemuVersion(): string | undefined {
  const { status, stdout } = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0] : undefined;
}

export interface QemuOptions {
  /** Of sockets. */
  readonly directory: string;
  readonly name: string;
  readonly kernel: string;
  /** Bytes. */
  readonly memory: number;
  /** As `migrate` and `-incoming` have it. */
  readonly incoming?: string | undefined;
}

export class Qemu {
  readonly monitor: Qmp;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, monitor: Qmp) {
    this.#process = process;
    this.monitor = monitor;
  }

  static async start(options: QemuOptions): Promise<Qemu> {
    const socket = join(options.directory, `${options.name}.qmp`);
    // One that waits complains when its migration is cancelled.
    const stderr = options.incoming === undefined ? 'inherit' : 'ignore';
    const process = spawn(PROGRAM, argumentsOf(options, socket), {
      stdio: ['ignore', 'ignore', stderr],
    });
    try {
      return new Qemu(process, await Qmp.open(socket));
    } catch (error) {
      process.kill('SIGKILL');
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.monitor.close();
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
  }
}

/** The same machine on both sides; emulated, as KVM may be missing. */
const argumentsOf = ({ kernel, memory, incoming }: QemuOptions, socket: string): string[] => [
  ...['-accel', 'tcg', '-machine', 'pc', '-m', `${memory / MIB}`, '-smp', '1'],
  ...['-nodefaults', '-no-user-config', '-vga', 'none', '-display', 'none', '-no-reboot'],
  ...['-kernel', kernel, '-qmp', `unix:${socket},server=on,wait=off`],
  ...(incoming === undefined ? [] : ['-incoming', incoming]),
];
