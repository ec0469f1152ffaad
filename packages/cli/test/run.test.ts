// `faultline run` as a user meets it: exit codes and every line of what it says.
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { GUESTS } from '@faultline/runner';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../src/commands/run.ts';
import { faultline, type Said, scratch } from './command.ts';
import { counts, fault, memslot, SOUND, text } from './trace-text.ts';

const files = scratch();
const BUNDLED = fileURLToPath(
  new URL('../../../traces/k6.12-tdp-ksm-race.txt.gz', import.meta.url),
);
const SHORT = ['--seconds', '0.1', '--path', 'current'];
const run = (...words: string[]): Promise<Said> => faultline('run', ...words);
const timeout = 30_000;

describe('a file that is no trace', () => {
  const OTHER: readonly [string, string | Uint8Array, string][] = [
    ['empty', '', ': expected text of ftrace, got an empty file'],
    [
      'binary',
      Uint8Array.of(1, 2, 3, 10, 4),
      ':1: expected TASK-PID [CPU] FLAGS TIME: EVENT, got binary data: \u00b7\u00b7\u00b7',
    ],
    ['JSON', '{"a":1}\n', ':1: expected TASK-PID [CPU] FLAGS TIME: EVENT, got JSON: {"a":1}'],
    ['prose', 'Dear all,\n', ':1: expected TASK-PID [CPU] FLAGS TIME: EVENT, got "Dear all,"'],
    [
      'comments',
      '# tracer: nop\n#\n',
      ': expected events, got comments only; usual cause: tracing was off, or trace_pipe had taken the events',
    ],
    ['an ELF file', '\u007fELF', ': expected text of ftrace, got an ELF file'],
    ['gzip data of nothing', gzipSync(''), ': expected text of ftrace, got an empty file'],
    [
      'gzip data cut in its head',
      gzipSync('abc').subarray(0, 8),
      ': expected text of ftrace, got an end before the first event',
    ],
  ];

  it.each(OTHER)('is input that cannot be read, in one line: %s', async (name, data, message) => {
    const file = files.put(name, data);
    expect(await run(file)).toEqual({ code: 3, out: '', err: `faultline: ${file}${message}\n` });
  });

  it('may be missing', async () => {
    const file = `${files.path}/missing`;
    const err = `faultline: ${file}: expected a readable file, got no such file\n`;
    expect(await run(file)).toEqual({ code: 3, out: '', err });
  });

  it('may be a directory', async () => {
    const err = `faultline: ${files.path}: expected a readable file, got a directory\n`;
    expect(await run(files.path)).toEqual({ code: 3, out: '', err });
  });
});

describe('a trace with nothing to play', () => {
  const refused = async (name: string, ...lines: string[]): Promise<[number, string]> => {
    const file = files.put(name, text(...lines));
    const { code, err } = await run(file, ...SHORT);
    return [code, err.replace(`faultline: ${file}`, 'FILE')];
  };

  it('has no fault of a vCPU', async () => {
    expect(await refused('no-faults', memslot(1))).toEqual([
      3,
      'FILE: expected kvm_page_fault events of a vCPU, got none; ' +
        'usual cause: the trace was taken without kvm:kvm_page_fault\n',
    ]);
  });

  it('has a memslot that cannot be, and the line says where', async () => {
    expect(await refused('bad-slot', memslot(1), memslot(99))).toEqual([
      3,
      'FILE:2: expected a memslot below 32, got slot 99\n',
    ]);
  });

  it('has a vCPU that cannot be, and the line says where', async () => {
    expect(await refused('bad-vcpu', memslot(1), fault(0x100, 70_000))).toEqual([
      3,
      'FILE:2: expected a vCPU below 4096, got 70000\n',
    ]);
  });

  it('has more guest memory than a machine', async () => {
    const spread = Array.from({ length: 300 }, (_, n) => fault(n * 20_000));
    expect(await refused('too-large', ...spread)).toEqual([
      3,
      'FILE: expected at most 14.2 GiB of guest memory, got 22.8 GiB\n',
    ]);
  });
});

describe('a sound trace', { timeout }, () => {
  it('is played, and that is fine', async () => {
    const { code, out, err } = await run(files.put('sound.txt', text(...SOUND)), ...SHORT);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^sound\.txt: 11 events, none lost\n {2}16 pages, 2 vCPUs\n/);
    expect(out).toMatch(/^current: nothing lost: 16,384 words as written\n$/m);
  });

  it('is played as well when it is packed', async () => {
    const file = files.put('sound.gz', gzipSync(text(...SOUND)));
    expect((await run(file, ...SHORT)).out).toMatch(/^sound\.gz: 11 events, none lost\n/);
  });

  it('is the bundled one when none is named', async () => {
    const { code, out } = await run(...SHORT);
    expect([code, out.split('\n')[0]]).toEqual([
      0,
      `${basename(BUNDLED)}: 70,180 events, none lost`,
    ]);
  });
});

describe('a damaged trace', { timeout }, () => {
  const cut = (name: string): string => {
    const faults = Array.from({ length: 5000 }, (_, n) => fault(0x100 + ((n * n) % 16), n % 2));
    const packed = gzipSync(text(counts(5001, 5001), memslot(1), ...faults));
    return files.put(name, packed.subarray(0, Math.floor(packed.length / 2)));
  };

  it('has its sound part played where gzip data is cut; the exit code and the heading say so', async () => {
    const { code, out, err } = await run(cut('cut.gz'), ...SHORT);
    expect([code, err]).toEqual([3, '']);
    expect(out).toMatch(
      /^cut\.gz: [\d,]+ events, none lost\n.*\n {2}the file ends too early; its sound part is played\n {2}its header counts [\d,]+ more events than it holds\n/,
    );
    expect(out).toMatch(/^current: nothing lost:/m);
  });

  it('has its JSON printed too', async () => {
    const { code, out } = await run(cut('cut-json.gz'), ...SHORT, '--json');
    expect([code, JSON.parse(out).trace.summary.truncated]).toEqual([3, true]);
  });

  it('has all but its last line played where that is cut', async () => {
    const file = files.put('cut.txt', text(...SOUND).slice(0, -9));
    const { code, out } = await run(file, ...SHORT);
    expect([code, out.split('\n')[0]]).toEqual([3, 'cut.txt: 10 events, none lost']);
  });

  it('has its other lines played where one cannot be read', async () => {
    const bad = fault(0x100).replace('vcpu 0', 'vcpu zero');
    const { code, out } = await run(files.put('bad.txt', text(...SOUND, bad)), ...SHORT);
    expect(code).toBe(3);
    expect(out).toMatch(/^ {2}1 place could not be read, from line 12 on:\n {4}expected .+$/m);
  });
});

describe('a trace that has lost events', { timeout }, () => {
  it('is fine, and the heading says how many', async () => {
    const lines = [counts(SOUND.length, SOUND.length + 40), 'CPU:1 [LOST 2 EVENTS]', ...SOUND];
    const { code, out } = await run(files.put('lost.txt', text(...lines)), ...SHORT);
    expect([code, out.split('\n')[0]]).toEqual([0, 'lost.txt: 11 events, 42 LOST']);
  });

  it('says so though nobody counted them', async () => {
    const file = files.put('some.txt', text('CPU:1 [LOST EVENTS]', ...SOUND));
    expect((await run(file, ...SHORT)).out.split('\n')[0]).toBe('some.txt: 11 events, some LOST');
  });
});

describe('bad words', () => {
  it.each([
    ['--vcpus 0', "--vcpus: expected a whole number from 1 to 64, got '0'"],
    ['--vcpus 1000', "--vcpus: expected a whole number from 1 to 64, got '1000'"],
    ['--vcpus 2.5', "--vcpus: expected a whole number from 1 to 64, got '2.5'"],
    ['--vcpus x', "--vcpus: expected a whole number from 1 to 64, got 'x'"],
    ['--vcpus', '--vcpus: expected N, got nothing'],
    ['--path fast', "--path: expected one of slow, merged, current, got 'fast'"],
    ['--path slow,fast', "--path: expected one of slow, merged, current, got 'slow,fast'"],
    [
      '--guest doom',
      "--guest: expected one of sequential, random, zipf, framebuffer, key-value, ksm, plug, got 'doom'",
    ],
    ['--seconds 0', "--seconds: expected a number from 0.1 to 86400, got '0'"],
    ['--memory 16384', "--memory: expected a whole number from 1 to 14563, got '16384'"],
    ['--downtime-ms -1', "--downtime-ms: expected a whole number from 0 to 60000, got '-1'"],
    ['--sseconds 1', "expected an option that --help lists, perhaps --seconds, got '--sseconds'"],
    ['--xyzzy', "expected an option that --help lists, got '--xyzzy'"],
    ['a b', 'run: expected 1 argument at most, got 2'],
    ['a.txt --guest zipf', 'expected a TRACE or --guest, got both: a.txt, zipf'],
  ])('are refused in one line, with what would have worked: run %s', async (words, message) => {
    expect(await run(...words.split(' '))).toEqual({
      code: 2,
      out: '',
      err: `faultline: ${message}\n`,
    });
  });

  it('ask for more vCPUs than a trace has', async () => {
    const file = files.put('two-vcpus.txt', text(...SOUND));
    const err = "faultline: expected at most the trace's 2 vCPUs, got 3\n";
    expect(await run(file, '--vcpus', '3')).toEqual({ code: 2, out: '', err });
  });

  it('ask for another command', async () => {
    const err =
      "faultline: expected one of the commands run, check, explain, record, report, predict, diff, replay, convert, migrate, snapshot, bench, got 'rnu'\n";
    expect(await faultline('rnu')).toEqual({ code: 2, out: '', err });
  });

  it('are none at all: the help is shown', async () => {
    const { code, err } = await faultline();
    expect([code, err.split('\n')[0]]).toEqual([2, 'Usage: faultline [options] [command]']);
  });
});

describe('more memory than the host gives', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is refused in one line that says how much it was', async () => {
    const Real = SharedArrayBuffer;
    class Scarce extends Real {
      constructor(bytes: number) {
        if (bytes > 2 ** 30) throw new RangeError('Array buffer allocation failed');
        super(bytes);
      }
    }
    vi.stubGlobal('SharedArrayBuffer', Scarce);
    const { code, out, err } = await run('--guest', 'random', '--memory', '2048', ...SHORT);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(
      /^faultline: expected \d\.\d\d GiB of shared memory, which this host does not give\n$/,
    );
  });
});

describe('a guest program', { timeout }, () => {
  const guest = (...words: string[]) =>
    run('--guest', 'random', '--memory', '1', ...SHORT, ...words);

  it('runs, and that is fine; in a pipe nothing is said of progress', async () => {
    const { code, out, err } = await guest();
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^guest random: writes pages at random\n {2}256 pages, 2 vCPUs\n/);
  });

  it('runs on as many vCPUs as it is told', async () => {
    expect((await guest('--vcpus', '3')).out).toMatch(/^ {2}256 pages, 3 vCPUs$/m);
  });

  it('is migrated when it is told to', async () => {
    expect((await guest('--migrate')).out).toMatch(
      /^current: nothing lost: .* migrated (copy|copies) equal$/m,
    );
  });

  it('runs on the paths it is told, in that order', async () => {
    const { out } = await guest('--path', 'merged,slow');
    expect(out).toMatch(/^ +merged +slow$/m);
  });
});

describe('--json', { timeout }, () => {
  interface Json {
    readonly [name: string]: unknown;
    readonly reports: readonly {
      readonly latency: Record<'p50' | 'p99' | 'p999' | 'p9999' | 'max' | 'count', number>;
      readonly stat: Record<string, number>;
      readonly integrity: object;
    }[];
  }
  let said: Said;
  let json: Json;
  beforeAll(async () => {
    said = await run(BUNDLED, ...SHORT, '--json');
    json = JSON.parse(said.out);
  }, timeout);

  it('is one object in one line, and no word beside it', () => {
    expect([said.code, said.err, said.out.trimEnd().includes('\n')]).toEqual([0, '', false]);
  });

  it('says its schema and the version of that', () => {
    expect(json).toMatchObject({ schema: 'faultline/run', version: 1 });
  });

  it('has what the kernel did beside what we did', () => {
    expect(json).toMatchObject({ trace: { kernel: { pageFaults: 14_368, fastFixed: 7318 } } });
    expect(json.reports).toMatchObject([{ faultPath: 'current', integrity: { ok: true } }]);
  });

  it('has percentiles in order, of some faults, none of them faster than nothing', () => {
    const [report] = json.reports as [Json['reports'][number]];
    const { p50, p99, p999, p9999, max, count } = report.latency;
    const inOrder = [1, p50, p99, p999, p9999, max];
    expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
    expect(count).toBeGreaterThan(0);
  });

  it('holds numbers where it holds numbers', () => {
    expect(said.out).not.toMatch(/null|NaN/);
  });
});

describe('a terminal', () => {
  const terminal = process.stderr.isTTY;
  afterEach(() => {
    process.stderr.isTTY = terminal;
  });

  it('has its progress line cleared before an error is printed', async () => {
    process.stderr.isTTY = true;
    const { err } = await run(`${files.path}/missing`);
    expect(err).toMatch(/^\r.*reading missing\r[^a-z]*2K[^a-z]*faultline: .*\n$/);
  });
});

describe('the help of run', () => {
  it('mentions every option', async () => {
    const { out } = await run('--help');
    const options = runCommand(() => {}).options.map(({ long }) => long ?? '');
    expect(options.length).toBeGreaterThan(7);
    expect(options.filter((option) => !out.includes(`\n  ${option}`))).toEqual([]);
  });

  it('names every guest and every fault path', async () => {
    const { out } = await run('--help');
    const said = out.replace(/\s+/g, ' ');
    expect(said).toContain(Object.keys(GUESTS).join(', '));
    expect(said).toContain('(default: slow,merged,current)');
  });

  it.each(['run', 'bench'])('fits 80 columns: %s', async (command) => {
    const { code, out } = await faultline(command, '--help');
    expect([code, out.split('\n').filter((line) => line.length > 80)]).toEqual([0, []]);
  });

  it('says the version', async () => {
    expect(await faultline('--version')).toEqual({ code: 0, out: '1.2.3\n', err: '' });
  });
});

describe('a file name with odd characters', { timeout }, () => {
  it('is taken as it is', async () => {
    const file = files.put('odd %s\tname.txt', text(...SOUND));
    expect((await run(file, ...SHORT)).out.split('\n')[0]).toBe(
      'odd %s\tname.txt: 11 events, none lost',
    );
  });
});
