// What a host lacks for a recording: said before anything is changed.
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { type Recording, SYSTEMS } from './recording.ts';

export interface Host {
  /** Of the process. */
  readonly uid: number;
  /** Of the kernel, as `6.1.0-56-amd64`. */
  readonly release: string;
  /** Folders of the PATH. */
  readonly path: readonly string[];
  readonly meminfo: string;
}

export const thisHost = (release: string): Host => ({
  uid: process.getuid?.() ?? -1,
  release,
  path: (process.env.PATH ?? '').split(':'),
  meminfo: existsSync('/proc/meminfo') ? readFileSync('/proc/meminfo', 'utf8') : '',
});

/** A line each, with what to do about it. */
export function missing(recording: Recording, host: Host): string[] {
  const { tool, tracefs, pid, output } = recording;
  const found: string[] = [];
  if (host.uid !== 0) found.push('not root: tracefs is for root only; use sudo');
  if (!existsSync(join(tracefs, 'events'))) {
    found.push(`no tracefs at ${tracefs}: mount -t tracefs nodev ${tracefs}`);
  } else found.push(...missingEvents(tracefs));
  if (tool === 'trace-cmd' && !host.path.some((folder) => existsSync(join(folder, 'trace-cmd')))) {
    found.push('trace-cmd is not installed: install it, or use --tool tracefs');
  }
  if (pid !== undefined && !existsSync(`/proc/${pid}/task`)) found.push(`no process ${pid}`);
  if (existsSync(output)) found.push(`${output} exists: remove it, or name another with -o`);
  if (tool === 'tracefs' && existsSync(join(tracefs, 'instances/faultline'))) {
    found.push('an instance named faultline is left from before: rmdir it');
  }
  return [...found, ...missingMemory(recording, host), ...brokenText(recording, host)];
}

function missingEvents(tracefs: string): string[] {
  const found = SYSTEMS.filter((system) => !existsSync(join(tracefs, 'events', system))).map(
    (system) => `no events of ${system}: ${WHY[system] ?? 'the kernel was built without them'}`,
  );
  if (existsSync(join(tracefs, 'events/syscalls'))) return found;
  return [
    ...found,
    'no events of system calls: the kernel was built without CONFIG_FTRACE_SYSCALLS',
  ];
}

const WHY: Readonly<Record<string, string>> = {
  kvm: 'modprobe kvm_intel, or kvm_amd',
  kvmmmu: 'modprobe kvm_intel, or kvm_amd',
  ksm: 'the kernel is older than 6.3, or was built without CONFIG_KSM',
};

/** All buffers together should take no more than half of what is free. */
function missingMemory({ bufferKib }: Recording, { meminfo }: Host): string[] {
  const free = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? Number.NaN);
  const wanted = bufferKib * cpus().length;
  if (!(wanted > free / 2)) return [];
  const mib = (kib: number): string => `${Math.round(kib / 1024).toLocaleString('en-US')} MiB`;
  return [`buffers of ${mib(wanted)} on all CPUs, and ${mib(free)} are free: use a smaller -b`];
}

/** With the option, 6.1 loses words and line ends of its text. */
function brokenText({ rawPointers, tool }: Recording, { release }: Host): string[] {
  if (!rawPointers || tool === 'trace-cmd' || !/^6\.1\D/.test(release)) return [];
  return [`${release} prints damaged text with raw pointers: boot with no_hash_pointers instead`];
}
