// Paragraphs that fit a mail.

const WIDTH = 80;

/** Broken at spaces: the first line after `indent`, the others after `hang`. A word longer than a line stays whole. */
export function wrap(
  text: string,
  indent = '',
  hang: string = indent,
  width: number = WIDTH,
): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((some) => some !== '')) {
    const longer = `${line} ${word}`;
    if (line !== '' && longer.length <= width) line = longer;
    else {
      if (line !== '') lines.push(line);
      line = (lines.length === 0 ? indent : hang) + word;
    }
  }
  return [...lines, line].join('\n');
}
