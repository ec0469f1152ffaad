import { describe, expect, it } from 'vitest';
import { HandMade, ksmRace } from '../../test/hand-made.ts';
import { drawSvg } from './draw-svg.ts';

const count = (text: string, part: string): number => text.split(part).length - 1;

describe('A drawing as SVG', () => {
  const violation = { fault: 'always', property: 'a merged page never changes' } as const;
  const picture = drawSvg({ ...violation, execution: ksmRace() });

  it('has a lane per thread and a box per row', () => {
    expect([count(picture, 'class="lane"'), count(picture, 'class="step"')]).toEqual([3, 6]);
  });

  it('leads an arrow from a write to each row that saw it', () => {
    expect(count(picture, 'class="arrow"')).toBe(2); // spte: slow path to KSM, KSM to fast path
  });

  it('marks the end', () => {
    expect(picture).toContain('>OOPS!!!</text>');
  });

  it('tells the source lines where a pointer rests', () => {
    expect(picture).toContain('<title>slowPageFault (src/race.ts:41, 42)</title>');
  });

  it('suits light and dark, and runs nothing', () => {
    expect(picture).toContain('prefers-color-scheme: dark');
    expect(picture).not.toMatch(/<script|href|\son\w+=/);
  });

  it('escapes every text', () => {
    const execution = new HandMade(['<a>', '"b"'], { 'x & y': '<0>' })
      .step('<a>', 'store32', { word: 'x & y', after: '<1>' })
      .step('"b"', 'load32', { word: 'x & y' })
      .end();
    const text = drawSvg({ fault: 'always', property: '</svg><p>', execution });
    const bare = text.replace(/<style>[\s\S]*<\/style>/, '').replace(/&#\d+;/g, '');
    expect(bare.match(/<(?!\/?(svg|title|rect|line|g|text|path)\b)|&/g)).toBeNull();
    expect(count(text, '</svg>')).toBe(1);
  });

  it('draws no arrow to a read that the thread`s own buffer answers', () => {
    const execution = new HandMade(['cpu0', 'cpu1'], { x: '0' })
      .step('cpu1', 'xchg32', { word: 'x', after: '2' })
      .step('cpu0', 'store32', { word: 'x', plain: true, args: [1] })
      .step('cpu0', 'load32', { word: 'x', found: '1' })
      .end();
    const text = drawSvg({ ...violation, execution }, { model: 'tso' });
    expect(count(text, 'class="arrow"')).toBe(0);
  });

  it('is a few lines for a violation without an execution', () => {
    expect(drawSvg({ fault: 'sometimes', property: 'x' })).toContain('sometimes: x.');
  });
});
