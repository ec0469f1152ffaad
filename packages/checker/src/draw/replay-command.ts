// A shell command in lines. In: a command of one line; out: lines of at most `width`, joined by backslashes so that the
// whole can still be pasted. A single-quoted string is closed before the break and opened again after it.

export function commandLines(command: string, width: number): readonly string[] {
  if (command.length <= width) return [command];
  const lines: string[] = [];
  let line = '';
  let quote = '';
  let escaped = false;
  for (const char of command) {
    if (!escaped && line.length > width - 4) {
      const closing = quote === "'" ? quote : '';
      lines.push(`${line}${closing}\\`);
      line = closing;
    }
    line += char;
    if (escaped) escaped = false;
    else if (char === '\\' && quote !== "'") escaped = true;
    else if (char === quote) quote = '';
    else if (quote === '' && (char === "'" || char === '"')) quote = char;
  }
  return [...lines, line];
}
