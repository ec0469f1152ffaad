// `faultline predict` as a user meets it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { faultline, type Said, scratch } from './command.ts';
import { SOUND, text } from './trace-text.ts';

const MIGRATION = join(import.meta.dirname, '../../../traces/k6.12-legacy-migrate-thp.txt.gz');
const files = scratch();

interface Json {
  readonly schema: string;
  readonly version: number;
  readonly input: Record<string, unknown>;
  readonly parameters: Record<string, number>;
  readonly roundCostFrom: string;
  readonly harvests: number;
  readonly strategies: readonly {
    readonly strategy: string;
    readonly run: {
      readonly converges: boolean;
      readonly rounds: readonly { readonly overheadS: number }[];
      readonly totalS: number;
      readonly downtimeMs: number;
    };
    readonly breakEvenBandwidth: number;
  }[];
  readonly rings: readonly {
    readonly size: number;
    readonly fillsInS?: number;
    readonly fullExitsPerS: number;
    readonly stallShares: readonly number[];
  }[];
}
const jsonOf = (out: string): Json => JSON.parse(out);

describe('a recorded migration', () => {
  it('is predicted to converge with bandwidth enough, and the exit code says so', async () => {
    const { code, out } = await faultline('predict', MIGRATION, '--bandwidth', '10Gbit');
    expect(code).toBe(0);
    expect(out).toContain('5 windows between harvests');
    expect(out).toMatch(/^ {2}precopy +yes /m);
    expect(out).toMatch(/^ {2}=> precopy converges after /m);
  });

  it('is predicted not to, with too little, and is told what would make it', async () => {
    const { code, out } = await faultline('predict', MIGRATION, '--bandwidth', '4M');
    expect(code).toBe(1);
    expect(out).toMatch(/^ {2}precopy +no /m);
    expect(out).toMatch(/^ {2}=> precopy does not converge: /m);
    expect(out).toMatch(/^ {2}=> bandwidth: [\d.]+ MiB\/s would do$/m);
    expect(out).toMatch(/^ {2}=> auto-converge: .* vCPUs throttled by \d+ %/m);
    expect(out).toMatch(/^ {2}=> postcopy: /m);
  });

  it('converges at the bandwidth that it is said to need, and not much below', async () => {
    const words = ['predict', MIGRATION, '--strategy', 'precopy', '--json'];
    const { out } = await faultline(...words, '--bandwidth', '4M');
    const needs = jsonOf(out).strategies[0]?.breakEvenBandwidth ?? 0;
    expect((await faultline(...words, '--bandwidth', String(Math.ceil(needs * 1.05)))).code).toBe(
      0,
    );
    expect((await faultline(...words, '--bandwidth', String(Math.floor(needs / 1.05)))).code).toBe(
      1,
    );
  });

  it('without its markers has its rounds from the ioctls of its VMM, and much the same prediction', async () => {
    const bare = gunzipSync(readFileSync(MIGRATION))
      .toString()
      .split('\n')
      .filter((line) => !line.includes('tracing_mark_write'))
      .join('\n');
    const words = ['--strategy', 'precopy', '--json', '--memory', '72M'];
    const noted = jsonOf((await faultline('predict', MIGRATION, ...words)).out);
    const found = jsonOf((await faultline('predict', files.put('bare.txt', bare), ...words)).out);
    expect([noted.input.source, found.input.source]).toEqual(['markers', 'ioctls']);
    const [a = 0, b = 0] = [noted, found].map(({ strategies: [only] }) => only?.breakEvenBandwidth);
    expect(Math.abs(a / b - 1)).toBeLessThan(0.1);
  });

  it('fits 100 columns', async () => {
    const damaged = gunzipSync(readFileSync(MIGRATION))
      .toString()
      .replace(/\b(kvm_(?:exit|age_hva|mmu_\w+|unmap_hva_range|page_fault)): .*/g, '$1: damaged');
    const words = ['predict', files.put('damaged.txt', damaged)];
    const { code, out: said } = await faultline(...words);
    expect(code).toBe(3);
    expect(said).toContain('unreadable: ');
    expect(Math.max(...said.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    for (const rate of ['4M', '10Gbit']) {
      const { out } = await faultline('predict', MIGRATION, '--bandwidth', rate);
      expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    }
  });

  it('comes as JSON and as Markdown too', async () => {
    const json = jsonOf((await faultline('predict', MIGRATION, '--json')).out);
    expect(json).toMatchObject({
      schema: 'faultline/predict',
      version: 2,
      input: { log: 'bitmap', source: 'markers' },
    });
    expect(json.strategies.map(({ strategy }) => strategy)).toContain('huge-pages');
    const { out } = await faultline('predict', MIGRATION, '-f', 'md');
    expect(out).toMatch(/^\| {2}\| converges \| rounds \|/m);
  });

  it('with lost events is predicted all the same, says so, and is refused by --strict', async () => {
    const lines = gunzipSync(readFileSync(MIGRATION)).toString();
    const lossy = lines.replace(/written: (\d+)\/\d+/, (_, kept) => `written: ${kept}/${kept}7`);
    const file = files.put('lossy.txt', lossy);
    const words = ['predict', file, '--bandwidth', '10Gbit'];
    const { code, out } = await faultline(...words);
    expect(code).toBe(0);
    expect(out).toContain(' events LOST: overwritten before they were read');
    const strict = await faultline(...words, '--strict');
    expect(strict).toEqual({ code: 3, out, err: '' });
  });

  it("takes KubeVirt's timeout for each GiB", async () => {
    const { out } = await faultline(
      'predict',
      MIGRATION,
      '--completion-timeout-per-gib',
      '150',
      '--memory',
      '4G',
      '--json',
    );
    expect(jsonOf(out).parameters.timeoutS).toBe(600);
  });
});

describe('what a round costs beside the sending', () => {
  const words = ['predict', MIGRATION, '--strategy', 'precopy', '--bandwidth', '100M'];

  it('is what the harvests of the trace took', async () => {
    expect((await faultline(...words)).out).toContain(', by 6 harvests of this trace');
    const { roundCostFrom, harvests, strategies } = jsonOf(
      (await faultline(...words, '--json')).out,
    );
    expect([roundCostFrom, harvests]).toEqual(['input', 6]);
    // The six took 9 to 28 ms each.
    for (const { overheadS } of strategies[0]?.run.rounds ?? []) {
      expect(overheadS).toBeGreaterThan(0.009);
      expect(overheadS).toBeLessThan(0.03);
    }
  });

  it('is what an option says, and makes the migration and its downtime longer', async () => {
    const { out } = await faultline(...words, '--overhead-ms', '50');
    expect(out).toContain(' takes 50.0 ms, by --overhead-ms');
    const runOf = async (ms: string) =>
      jsonOf((await faultline(...words, '--overhead-ms', ms, '--json')).out).strategies[0]?.run;
    const [none, some] = [await runOf('0'), await runOf('50')];
    expect(some?.totalS).toBeGreaterThan((none?.totalS ?? 0) + 0.05);
    expect(some?.downtimeMs).toBeGreaterThan(50);
  });

  it('is assumed, and said to be, where nothing tells it', async () => {
    const rates = files.put('rate.csv', 'dirty-rate\n25\n');
    const { out } = await faultline('predict', rates, '--memory', '1G');
    expect(out).toContain('takes 41 ns a dirty page, by assumption; --overhead-ms');
  });
});

describe('when the VMM looks whether the rest fits', () => {
  const words = ['predict', MIGRATION, '--strategy', 'precopy', '--bandwidth', '90M'];

  it('is in the middle of a round too, as QEMU has it, unless an option says otherwise', async () => {
    expect((await faultline(...words)).out).toContain('in the middle of a round too (QEMU)');
    const { out } = await faultline(...words, '--switch-over', 'round-end');
    expect(out).toContain('at the end of a round whose rest fits');
  });

  it('is at the end of a round for the log of a VMM that does so', async () => {
    const log = files.put(
      'vmm.log',
      [
        'Precopy: iter=0 total=64MiB curr=64MiB bw=64MiB/s transfer=1s overhead=0ms',
        'Precopy: iter=1 total=96MiB curr=32MiB bw=64MiB/s transfer=500ms overhead=20ms',
      ].join('\n'),
    );
    const { out } = await faultline('predict', log);
    expect(out).toContain('at the end of a round whose rest fits');
    expect(out).toContain(', by 1 harvest of this log');
  });
});

describe('full rings', () => {
  const words = ['predict', MIGRATION, '--strategy', 'ring', '--dirty-ring-size', '1024'];
  const ofSize = async (size: number, ...more: string[]) =>
    jsonOf((await faultline(...words, ...more, '--json')).out).rings.find(
      (ring) => ring.size === size,
    );

  it('stop their vCPUs for longer, the longer it takes until they are emptied', async () => {
    const [short, long] = [
      await ofSize(1024, '--reap-interval-ms', '100'),
      await ofSize(1024, '--reap-interval-ms', '400'),
    ];
    expect(Math.max(...(short?.stallShares ?? []))).toBeLessThan(0.5);
    expect(Math.max(...(long?.stallShares ?? []))).toBeGreaterThan(0.5);
  });

  it('are fewer, the larger they are', async () => {
    expect((await ofSize(512))?.fullExitsPerS).toBeGreaterThan(
      (await ofSize(4096))?.fullExitsPerS ?? 0,
    );
  });

  it('come with the size that would never be', async () => {
    const { out } = await faultline(...words);
    expect(out).toMatch(/^Rings: vCPUs with [\d.]+ %, [\d.]+ % of the writes$/m);
    expect(out).toMatch(/^ {2}=> [\d,]+ entries are never full$/m);
  });

  it('are of as many vCPUs as an option says, with a part each', async () => {
    const { out } = await faultline(...words, '--vcpus', '64');
    expect(out).toContain('Rings: 64 vCPUs that write as much as each other\n');
  });

  it('have a size that KVM takes', async () => {
    const { code, err } = await faultline(...words.slice(0, -1), '1000');
    expect([code, err]).toEqual([
      2,
      "faultline: --dirty-ring-size: expected a power of two from 256 to 65536, got '1000'\n",
    ]);
  });

  it('are left out where no strategy has any', async () => {
    expect((await faultline('predict', MIGRATION, '--strategy', 'precopy')).out).not.toContain(
      'Rings:',
    );
  });
});

describe('dirty rates', () => {
  const rates = files.put('rates.csv', 'dirty-rate,calc-time\n25,1\n24,1\n');

  it('are predicted from, with the memory that they do not say', async () => {
    const { code, out } = await faultline(
      'predict',
      rates,
      '--memory',
      '50G',
      '--bandwidth',
      '800Mbit',
    );
    expect(code).toBe(0);
    expect(out).toContain('CSV of dirty rates, 2 samples');
    expect(out).not.toContain('huge-pages');
  });

  it('are refused without it', async () => {
    const { code, err } = await faultline('predict', rates);
    expect([code, err]).toEqual([
      3,
      `faultline: ${rates}: expected the guest's memory, which a CSV of dirty rates does not say: give --memory SIZE\n`,
    ]);
  });
});

/** `faultline WORDS...` with these pieces on its standard input. */
async function piped(pieces: readonly Uint8Array[], ...words: string[]): Promise<Said> {
  const stdin = vi.spyOn(process, 'stdin', 'get');
  stdin.mockReturnValue(Readable.from(pieces) as unknown as typeof process.stdin);
  try {
    return await faultline(...words);
  } finally {
    stdin.mockRestore();
  }
}

describe('standard input', () => {
  const words = ['predict', '-', '--bandwidth', '100M', '--json'];

  it.each([
    ['a trace', gunzipSync(readFileSync(MIGRATION))],
    ['a packed trace', readFileSync(MIGRATION)],
  ])('may be %s, in whatever pieces it comes', async (_, bytes) => {
    const pieces = [bytes.subarray(0, 5), bytes.subarray(5, 70_000), bytes.subarray(70_000)];
    const { code, out } = await piped(pieces, ...words);
    const file = jsonOf((await faultline('predict', MIGRATION, ...words.slice(2))).out);
    expect(code).toBe(0);
    expect(jsonOf(out)).toEqual({ ...file, input: { ...file.input, name: '(standard input)' } });
  });

  it('may be dirty rates', async () => {
    const rate = Buffer.from('{"return":{"status":"measured","dirty-rate":25,"calc-time":1}}');
    const { code, out } = await piped([rate], ...words, '--memory', '1G');
    expect([code, jsonOf(out).input.format]).toEqual([0, 'QEMU query-dirty-rate']);
  });

  it('may be the log of a migration', async () => {
    const log = Buffer.from(
      'Precopy: iter=0 total=64MiB curr=64MiB bw=64MiB/s transfer=1s overhead=0ms\n' +
        'Precopy: iter=1 total=80MiB curr=16MiB bw=64MiB/s transfer=250ms overhead=9ms\n',
    );
    const { code, out } = await piped([log], ...words);
    expect([code, jsonOf(out).input.format]).toEqual([0, 'cloud-hypervisor log']);
  });

  const none =
    "faultline: (standard input): expected a trace, dirty rates that were measured, or a migration's log, got ";

  it('of no kind is refused, with what it would have been as a trace', async () => {
    const { code, out, err } = await piped([Buffer.from('some\nwords\n')], ...words);
    expect([code, out]).toEqual([3, '']);
    expect(err).toBe(
      `${none}none; as a trace: (standard input):1: expected TASK-PID [CPU] FLAGS TIME: EVENT, got "some"\n`,
    );
  });

  it('with nothing in it is refused', async () => {
    expect(await piped([], ...words)).toEqual({ code: 3, out: '', err: `${none}an empty text\n` });
  });
});

describe('what nothing can be predicted from', () => {
  it('is a trace without two harvests', async () => {
    const { code, err } = await faultline('predict', files.put('sound.txt', text(...SOUND)));
    expect(code).toBe(3);
    expect(err).toContain('expected two harvests of the dirty log, got ');
  });

  it('is a damaged list of rates, which says where', async () => {
    const file = files.put('bad.csv', 'dirty-rate\nmany\n');
    const { code, err } = await faultline('predict', file, '--memory', '1G');
    expect([code, err]).toEqual([
      3,
      `faultline: ${file}: expected dirty rates or migration statistics, got line 2: dirty-rate "many", which is no number from 0\n`,
    ]);
  });

  it('is a dirty rate that was never measured', async () => {
    const file = files.put('unstarted.json', '{"return":{"status":"unstarted"}}');
    expect(await faultline('predict', file, '--memory', '1G')).toEqual({
      code: 3,
      out: '',
      err: `faultline: ${file}: expected a trace, dirty rates that were measured, or a migration's log, got JSON without any\n`,
    });
  });

  it('is memory that is less than what was written', async () => {
    const { code, err } = await faultline('predict', MIGRATION, '--memory', '1M');
    expect(code).toBe(2);
    expect(err).toContain('expected memory of at least the ');
  });

  it('is nothing at all', async () => {
    const { code, err } = await faultline('predict');
    expect([code, err]).toEqual([2, 'faultline: expected INPUT, got nothing\n']);
  });

  it('is pages of a size that no page has', async () => {
    const { code, err } = await faultline('predict', MIGRATION, '--page-size', '3');
    expect(code).toBe(2);
    expect(err).toBe("faultline: --page-size: expected a power of two from 4K to 1G, got '3'\n");
  });

  it('is a bandwidth that is none', async () => {
    const { code, err } = await faultline('predict', MIGRATION, '--bandwidth', 'fast');
    expect([code, err]).toEqual([
      2,
      "faultline: --bandwidth: expected bytes a second such as 128M, or bits such as 10Gbit, got 'fast'\n",
    ]);
  });
});
