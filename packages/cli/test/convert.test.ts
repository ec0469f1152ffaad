// `faultline convert` as a user meets it.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultline, scratch } from './command.ts';
import { counts, SOUND, text } from './trace-text.ts';

const files = scratch();
const sound = files.put('sound.txt', text(...SOUND));
const out = (name: string): string => join(files.path, name);

describe('a trace', () => {
  it.each([
    ['perfetto', /KVM guest/],
    ['chrome', /^\{"displayTimeUnit":"ns","traceEvents":\[/],
    ['ndjson', /^\{"time":8652615,/],
    ['csv', /^time,cpu,pid,task,event,/],
    ['parquet', /^PAR1/],
    ['svg', /^<svg /],
  ])('becomes %s', async (to, content) => {
    const file = out(`it.${to}`);
    const { code, err } = await faultline('convert', sound, '--to', to, '-o', file);
    expect([code, err]).toEqual([0, `faultline: ${file}: 11 events\n`]);
    expect(readFileSync(file, 'latin1')).toMatch(content);
  });

  it('goes to standard output too', async () => {
    const said = await faultline('convert', sound, '--to', 'csv', '-o', '-');
    expect(said).toMatchObject({ code: 0, err: '' });
  });

  it('that is cut is converted as far as it is sound, and the exit code says so', async () => {
    const cut = files.put('cut.txt', text(...SOUND).slice(0, -5));
    const { code, err } = await faultline(
      'convert',
      cut,
      '--to',
      'ndjson',
      '-o',
      out('cut.ndjson'),
    );
    expect(code).toBe(3);
    expect(err).toContain('the input ends too early');
    expect(readFileSync(out('cut.ndjson'), 'utf8').trimEnd().split('\n')).toHaveLength(10);
  });
});

describe('a trace that is named', () => {
  const toOutput = ['--to', 'csv', '-o', '-'];

  it('by --input is the same', async () => {
    const said = await faultline('convert', '-i', sound, ...toOutput);
    expect(said).toEqual(await faultline('convert', sound, ...toOutput));
    expect(said.code).toBe(0);
  });

  it.each([
    ['not at all', [], 'faultline: expected TRACE, got nothing\n'],
    [
      'twice',
      [sound, '-i', 'b'],
      `faultline: expected a TRACE or --input, got both: ${sound}, b\n`,
    ],
  ])('%s is refused', async (_, words, err) => {
    expect(await faultline('convert', ...words, ...toOutput)).toMatchObject({ code: 2, err });
  });

  it('and lost events is converted; with --strict that is no success', async () => {
    const lossy = files.put('lossy.txt', text(counts(11, 12), ...SOUND));
    expect((await faultline('convert', lossy, ...toOutput)).code).toBe(0);
    expect((await faultline('convert', lossy, ...toOutput, '--strict')).code).toBe(3);
  });
});

describe('a file', () => {
  it('is replaced when the new one is whole', async () => {
    const file = files.put('old.csv', 'old');
    await faultline('convert', sound, '--to', 'csv', '-o', file);
    expect(readFileSync(file, 'utf8')).toMatch(/^time,/);
  });

  it('stays as it was, and nothing lies beside it, when the trace is none', async () => {
    const file = files.put('kept.csv', 'old');
    const none = files.put('none.txt', 'nothing\n');
    expect((await faultline('convert', none, '--to', 'csv', '-o', file)).code).toBe(3);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(files.path).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is no directory', async () => {
    mkdirSync(out('folder'));
    const { code, err } = await faultline('convert', sound, '--to', 'csv', '-o', out('folder'));
    expect([code, err]).toEqual([
      3,
      `faultline: ${out('folder')}: expected a file, or nothing yet, got a directory\n`,
    ]);
  });

  it('needs a folder that is there', async () => {
    const { code, err } = await faultline('convert', sound, '--to', 'csv', '-o', out('no/where'));
    expect([code, err]).toEqual([
      3,
      `faultline: ${out('no/where')}: expected a file that can be written, got no such folder\n`,
    ]);
  });

  it('is not made for a picture of nothing', async () => {
    const still = files.put('still.txt', text(SOUND[1] as string));
    const { code, err } = await faultline('convert', still, '--to', 'svg', '-o', out('still.svg'));
    expect(code).toBe(3);
    expect(err).toContain(`${still}: expected pages that become writable, got none`);
    expect(existsSync(out('still.svg'))).toBe(false);
  });
});

describe('words that make no conversion', () => {
  it('say where it should go', async () => {
    const { code, err } = await faultline('convert', sound, '--to', 'csv');
    expect([code, err]).toEqual([2, 'faultline: --output: expected FILE, got nothing\n']);
  });

  it('name the formats there are', async () => {
    const { code, err } = await faultline('convert', sound, '--to', 'ctf', '-o', 'a');
    expect([code, err]).toEqual([
      2,
      "faultline: --to: expected one of perfetto, chrome, ndjson, csv, parquet, svg, got 'ctf'\n",
    ]);
  });
});
