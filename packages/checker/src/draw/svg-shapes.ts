// The shapes of a picture. In: places and texts; out: SVG elements as text, all of it escaped.

export const CHAR = 7.3;
export const LINE = 16;
const PAD = 6;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const STYLE = `
svg { color-scheme: light dark; }
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1b1f24; white-space: pre; }
.ground { fill: #ffffff; }
.lane { stroke: #c4cad1; }
.step { fill: #f2f4f7; stroke: #98a2ae; }
.name { font-weight: bold; }
.oops { font-weight: bold; fill: #b42318; }
.arrow { fill: none; stroke: #2f6fb0; }
.head { fill: #2f6fb0; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e9ed; }
  .ground { fill: #16191d; }
  .lane { stroke: #4a525c; }
  .step { fill: #22272e; stroke: #6b7683; }
  .oops { fill: #ff8a7a; }
  .arrow { stroke: #7db4ea; }
  .head { fill: #7db4ea; }
}`;

/** For text and for attributes; what XML does not allow becomes a space. */
export const escaped = (text: string): string =>
  text
    .replace(/[^\x20-\ud7ff\ue000-\ufffd]/g, ' ')
    .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

export const textAt = (x: number, y: number, text: string, name = ''): string =>
  `<text${name && ` class="${name}"`} x="${round(x)}" y="${round(y)}">${escaped(text)}</text>`;

/** Lines under one another; `y` is the top of the first. */
export const paragraph = (lines: readonly string[], x: number, y: number): readonly string[] =>
  lines.map((line, index) => textAt(x, y + (index + 0.75) * LINE, line));

export const laneLine = (x: number, top: number, bottom: number): string =>
  `<line class="lane" x1="${round(x)}" y1="${top}" x2="${round(x)}" y2="${bottom}"/>`;

/** How high a box for so many lines is. */
export const heightFor = (lines: number): number => lines * LINE + 2 * PAD;

/** How wide a box for so many letters is. */
export const widthFor = (letters: number): number => letters * CHAR + 2 * PAD;

/** `tip` is shown when a pointer rests on the box. */
export const stepBox = (box: Box, lines: readonly string[], tip: string): string =>
  [
    `<g><title>${escaped(tip)}</title>`,
    `<rect class="step" rx="3" x="${round(box.x)}" y="${box.y}" width="${round(box.width)}" height="${box.height}"/>`,
    ...paragraph(lines, box.x + PAD, box.y + PAD),
    '</g>',
  ].join('\n');

/** From the side of one box to the side of another that faces it. */
export function arrow(from: Box, to: Box): string {
  const rightward = to.x > from.x;
  const x1 = rightward ? from.x + from.width : from.x;
  const x2 = rightward ? to.x : to.x + to.width;
  const y1 = from.y + from.height / 2;
  const y2 = to.y + to.height / 2;
  const side = rightward ? -1 : 1;
  const bend = (x2 - x1) / 2;
  const curve = `C${round(x1 + bend)} ${y1} ${round(x2 - bend)} ${y2} ${round(x2 + 6 * side)} ${y2}`;
  return (
    `<path class="arrow" d="M${round(x1)} ${y1} ${curve}"/>` +
    `<path class="head" d="M${round(x2)} ${y2} l${7 * side} -4 v8 z"/>`
  );
}

const round = (value: number): number => Math.round(value * 10) / 10;
