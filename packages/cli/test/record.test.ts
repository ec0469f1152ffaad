import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, missing } from '../src/record/missing.ts';
import { IOCTLS, type Recording, stepsOf } from '../src/record/recording.ts';
import { faultline } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'faultline-test-'));
const tracefs = join(folder, 'tracing');
const instance = join(tracefs, 'instances/faultline');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const recording = (of: Partial<Recording> = {}): Recording => ({
  tool: 'tracefs',
  seconds: 0.1,
  bufferKib: 1024,
  output: join(folder, 'trace.txt.gz'),
  rawPointers: false,
  tracefs,
  ...of,
});

const commandsOf = (of: Partial<Recording> = {}): string[] =>
  stepsOf(recording(of)).flatMap(({ commands }) => commands);

const put = (path: string, text = ''): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

const SYSTEMS = ['kvm', 'kvmmmu', 'ksm', 'huge_memory', 'syscalls'];

/** The files of a tracefs that the commands name, the instance's too. */
beforeAll(() => {
  for (const system of SYSTEMS) put(join(tracefs, 'events', system, 'enable'));
  for (const command of commandsOf()) {
    const file = /> (\S*instances\/faultline\/\S+)$/.exec(command)?.[1];
    if (file !== undefined) put(file);
  }
  put(join(instance, 'per_cpu/cpu0/stats'), 'entries: 3\noverrun: 0\ndropped events: 0\n');
  put(join(instance, 'trace'), '# tracer: nop\n');
});

describe('the commands for tracefs', () => {
  it('are taken by a shell, and leave every file as it must be', () => {
    const [, ...commands] = commandsOf();
    expect(commands.at(-1)).toBe(`rmdir ${instance}`);
    for (const command of commands.slice(0, -1)) {
      const { status, stderr } = spawnSync('/bin/sh', ['-ec', command], { encoding: 'utf8' });
      expect([command, status, stderr]).toEqual([command, 0, '']);
    }
    const read = (file: string) => readFileSync(join(instance, file), 'utf8').trim();
    expect(read('trace_clock')).toBe('mono');
    expect(read('options/overwrite')).toBe('0');
    expect(read('buffer_size_kb')).toBe('1024');
    expect(read('events/kvmmmu/enable')).toBe('1');
    expect(read('events/kvm/kvm_msr/enable')).toBe('0');
    expect(read('events/syscalls/sys_enter_ioctl/filter')).toContain('cmd==0x4010ae42||');
    expect(read('tracing_on')).toBe('0');
    expect(existsSync(recording().output)).toBe(true);
  });

  it('name the threads of one VMM, and those of the kernel that change its pages', () => {
    expect(commandsOf({ pid: 42 }).join('\n')).toContain('ls /proc/42/task; pgrep');
    expect(commandsOf().join('\n')).not.toContain('set_event_pid');
  });

  it('keep a file name with a space and a quote one word', () => {
    const output = join(folder, "it's here.gz");
    const [keep = ''] = commandsOf({ output }).filter((command) => command.startsWith('gzip'));
    spawnSync('/bin/sh', ['-ec', keep]);
    expect(existsSync(output)).toBe(true);
  });
});

describe('the commands for trace-cmd', () => {
  it('are one recording, which a shell can read, and a look at what was lost', () => {
    const commands = commandsOf({ tool: 'trace-cmd', output: 'trace.dat', pid: 1 });
    for (const command of commands) expect(spawnSync('/bin/sh', ['-nc', command]).status).toBe(0);
    expect(commands[0]).toContain('trace-cmd record -C mono -b 1024 -o trace.dat');
    expect(commands[0]).toContain('-v -e kvm:kvm_fpu');
  });
});

describe('the ioctls', () => {
  it('have the numbers of _IO, _IOW and _IOWR with type 0xae', () => {
    const size = (name: string) => ((IOCTLS[name] ?? 0) >>> 16) & 0x3fff;
    expect(Object.values(IOCTLS).every((cmd) => ((cmd >>> 8) & 0xff) === 0xae)).toBe(true);
    expect(size('KVM_GET_DIRTY_LOG')).toBe(16);
    expect(size('KVM_CLEAR_DIRTY_LOG')).toBe(24);
    expect(size('KVM_SET_USER_MEMORY_REGION')).toBe(32);
  });
});

describe('what a host lacks', () => {
  const host: Host = {
    uid: 0,
    release: '6.12.1',
    path: [],
    meminfo: 'MemAvailable:   99000000 kB\n',
  };
  const fresh = recording({ output: join(folder, 'other.gz') });
  const lacks = (of: Partial<Recording>, on: Partial<Host> = {}) =>
    missing({ ...fresh, ...of }, { ...host, ...on });
  const left = 'an instance named faultline is left from before: rmdir it';

  it.each([
    [{}, { uid: 1000 }, 'not root: tracefs is for root only; use sudo'],
    [{ tracefs: '/nowhere' }, {}, 'no tracefs at /nowhere: mount -t tracefs nodev /nowhere'],
    [{ tool: 'trace-cmd' }, {}, 'trace-cmd is not installed: install it, or use --tool tracefs'],
    [{ pid: 4_000_000 }, {}, 'no process 4000000'],
    [{}, { meminfo: 'MemAvailable: 1000 kB\n' }, 'are free: use a smaller -b'],
    [{ rawPointers: true }, { release: '6.1.0-56' }, 'prints damaged text with raw pointers'],
  ] as const)('is said before anything is changed: %o %o', (of, on, said) => {
    expect(lacks(of, on).join('\n')).toContain(said);
  });

  it('is nothing but the instance that this test made', () => {
    expect(lacks({})).toEqual([left]);
  });
});

describe.runIf(process.getuid?.() === 0)('--run', () => {
  it('ends with 3 when a command fails: there is no trace', async () => {
    // Without a folder for instances, so that the first command fails.
    const bare = join(folder, 'bare');
    for (const system of SYSTEMS) put(join(bare, 'events', system, 'enable'));
    const words = [
      '--run',
      '--tracefs',
      bare,
      '-b',
      '64',
      '-d',
      '0.1',
      '-o',
      join(folder, 'no.gz'),
    ];
    const { code, err } = await faultline('record', ...words);
    expect(code).toBe(3);
    expect(err).toContain('expected the command to end with 0; what it began is undone');
  });
});
