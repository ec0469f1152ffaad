import { describe, expect, it } from 'vitest';
import { whyNotShared } from './sharing.ts';

describe('a host whose threads', () => {
  it('can share memory gives no reason against it', () => {
    expect(whyNotShared()).toBeUndefined();
  });

  it.each([
    ['have no SharedArrayBuffer', {}],
    ['are of a page that is not isolated', { SharedArrayBuffer, crossOriginIsolated: false }],
  ])('%s says which headers help', (_, host) => {
    expect(whyNotShared(host)).toMatch(/Cross-Origin-Opener-Policy: same-origin.*require-corp/);
  });

  it('are of an isolated page may share', () => {
    expect(whyNotShared({ SharedArrayBuffer, crossOriginIsolated: true })).toBeUndefined();
  });
});
