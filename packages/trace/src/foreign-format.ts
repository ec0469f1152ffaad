// What a file is that begins with bytes no text begins with.

const TAKE_TEXT = 'take the text from /sys/kernel/tracing/trace instead';

const FORMATS: readonly (readonly [magic: readonly number[], what: string])[] = [
  [[0x17, 0x08, 0x44, ...codes('tracing')], 'a binary trace.dat, which readTrace reads'],
  [codes('PERFILE2'), `a perf.data file: ${TAKE_TEXT}`],
  [[0x1f, 0x8b], 'gzip data where text was due: decompress it first'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd data: decompress it first'],
  [[0xfd, ...codes('7zXZ')], 'xz data: decompress it first'],
  [[0x7f, ...codes('ELF')], 'an ELF file'],
];

/** So many bytes tell. */
export const MAGIC_BYTES: number = Math.max(...FORMATS.map(([magic]) => magic.length));

/** The name of a known binary format, or undefined. */
export function foreignFormat(head: Uint8Array): string | undefined {
  return FORMATS.find(([magic]) => magic.every((byte, i) => head[i] === byte))?.[1];
}

function codes(text: string): number[] {
  return [...text].map((letter) => letter.charCodeAt(0));
}
