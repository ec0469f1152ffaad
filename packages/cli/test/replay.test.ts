// `faultline replay` as a user meets it.
import { describe, expect, it } from 'vitest';
import { faultline, scratch } from './command.ts';
import { counts, fault, fixed, memslot, SOUND, text } from './trace-text.ts';

const files = scratch();
/** A repair of a page that no event has mapped. */
const UNEXPLAINED = [memslot(1), fault(0x100), fixed(0x100)];
const whole = files.put('whole.txt', text(...UNEXPLAINED));
const lossy = files.put('lossy.txt', text(counts(3, 9), ...UNEXPLAINED));

describe('a difference in a trace', () => {
  it('is a finding when every event is there', async () => {
    const { code, out } = await faultline('replay', whole);
    expect(code).toBe(1);
    expect(out).not.toContain('no finding');
  });

  it('is none when events were lost, and the trace is said to have lost them', async () => {
    const { code, out } = await faultline('replay', lossy);
    expect(code).toBe(3);
    expect(out).toContain('\n  6 events LOST: overwritten before they were read\n');
    expect(out).toContain('\n  => what differs may follow from what is missing: no finding\n');
  });

  it('is none either among many traces, and the trace is named', async () => {
    const { code, out } = await faultline('replay', lossy, lossy);
    expect(code).toBe(3);
    expect(out).toContain('lossy.txt: events are missing: what differs is no finding\n');
    expect((await faultline('replay', lossy, whole)).code).toBe(1);
  });

  it('comes with what the trace lacks, for programs', async () => {
    const { out } = await faultline('replay', lossy, '--json');
    expect(JSON.parse(out).traces[0].gaps).toEqual([
      '6 events LOST: overwritten before they were read',
    ]);
  });
});

describe('a trace', () => {
  it('may be named by --input, but not also as an argument', async () => {
    const { code, out } = await faultline('replay', '-i', whole);
    expect([code, out]).toEqual([1, expect.stringContaining('whole.txt')]);
    expect(await faultline('replay', whole, '-i', lossy)).toMatchObject({
      code: 2,
      err: `faultline: expected a TRACE or --input, got both: ${whole}, ${lossy}\n`,
    });
  });

  it('with events that nobody knows is no success with --strict', async () => {
    const unknown = files.put(
      'unknown.txt',
      text(memslot(1), fault(0x100), fault(0x101).replace('kvm_page_fault', 'some_event')),
    );
    expect((await faultline('replay', unknown)).code).toBe(0);
    expect((await faultline('replay', unknown, '--strict')).code).toBe(3);
  });
});

it('says that the input ends too early, and exits with 3', async () => {
  const cut = files.put('cut.txt', text(...SOUND).slice(0, -20));
  const { code, out } = await faultline('replay', cut);
  expect(code).toBe(3);
  expect(out).toContain('\n  the input ends too early\n');
});
