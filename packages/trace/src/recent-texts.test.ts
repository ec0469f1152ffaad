import { describe, expect, it } from 'vitest';
import { RecentTexts } from './recent-texts.ts';

const viewed = (text: string) => {
  const bytes = new TextEncoder().encode(text);
  return { bytes, view: new DataView(bytes.buffer) };
};

describe('recent texts', () => {
  it('are found again, with what they mean and their length', () => {
    const recent = new RecentTexts<string>(8);
    const line = viewed('  kvm_entry: vcpu 0');
    recent.keep(line, 2, 13, 'entry');
    const found = recent.find(viewed('kvm_entry: vcpu 7, rip'), 0);
    expect(found?.value).toBe('entry');
    expect(found?.text.length).toBe('kvm_entry: '.length);
  });

  it('are told from one that begins like them', () => {
    const recent = new RecentTexts<string>(8);
    recent.keep(viewed('kvm_mmu_set_spte: '), 0, 18, 'set');
    expect(recent.find(viewed('kvm_mmu_spte_requested: '), 0)).toBeUndefined();
    expect(recent.find(viewed('kvm_mmu_set_spt: gfn'), 0)).toBeUndefined();
  });

  it('give way to another of the same first bytes', () => {
    const recent = new RecentTexts<string>(4);
    recent.keep(viewed('kvm_entry: '), 0, 11, 'entry');
    recent.keep(viewed('kvm_exit: '), 0, 10, 'exit');
    expect(recent.find(viewed('kvm_exit: '), 0)?.value).toBe('exit');
    expect(recent.find(viewed('kvm_entry: '), 0)).toBeUndefined();
  });

  it('are not looked for where too few bytes are left', () => {
    const recent = new RecentTexts<string>(8);
    recent.keep(viewed('P sptep 0'), 0, 2, 'P');
    expect(recent.find(viewed('P '), 0)).toBeUndefined();
  });

  it('do not keep a text without bounds', () => {
    const recent = new RecentTexts<string>(8);
    const long = viewed('x'.repeat(300));
    recent.keep(long, 0, 300, 'x');
    expect(recent.find(long, 0)).toBeUndefined();
  });
});
