import { describe, expect, it } from 'vitest';
import { ByteText, literal } from './byte-text.ts';

const viewed = (text: string) => {
  const bytes = new TextEncoder().encode(text);
  return { bytes, view: new DataView(bytes.buffer) };
};

describe('a ByteText', () => {
  // One shorter than a word, words exactly, and words that overlap.
  for (const text of [':', ': x', 'abcd', 'abcde', ' gva ', 'kvm_tdp_mmu_spte_changed: ']) {
    it(`finds "${text}" where it is`, () => {
      const line = viewed(`<${text}>`);
      expect(literal(text).isAt(line, 1)).toBe(true);
      expect(literal(text).isAt(line, 0)).toBe(false);
    });

    it(`sees that one byte of "${text}" differs, whichever it is`, () => {
      for (let i = 0; i < text.length; i++) {
        const other = `${text.slice(0, i)}#${text.slice(i + 1)}`;
        expect(literal(text).isAt(viewed(other), 0), other).toBe(false);
      }
    });

    it(`does not look for "${text}" behind the end of the bytes`, () => {
      expect(literal(text).isAt(viewed(text.slice(0, -1)), 0)).toBe(false);
    });
  }

  it('says its text', () => {
    expect(String(literal(' gva '))).toBe(' gva ');
  });

  it('is a copy of the bytes', () => {
    const line = viewed('vcpu 0');
    const text = new ByteText(line.bytes, 0, 4);
    line.bytes.fill(0x20);
    expect(text.isAt(viewed('vcpu'), 0)).toBe(true);
  });
});
