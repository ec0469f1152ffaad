// The drawing as a picture. In: a violation; out: an SVG that needs nothing else, without scripts: a lane per thread, time
// downward, an arrow from each write to the read that saw it, source lines where a pointer rests. For light and dark.
import type { Violation } from '../verdict.ts';
import { arrowsOf } from './arrows.ts';
import { type Drawing, type DrawOptions, drawingOf, OOPS } from './drawing.ts';
import { cell, naturalWidth, wrap } from './layout.ts';
import {
  arrow,
  type Box,
  CHAR,
  escaped,
  heightFor,
  LINE,
  laneLine,
  paragraph,
  STYLE,
  stepBox,
  textAt,
  widthFor,
} from './svg-shapes.ts';

const MARGIN = 16;
/** Between lanes, where arrows run. */
const GAP = 36;
const BETWEEN_STEPS = 8;
const LETTERS_AT_LEAST = 12;
const LETTERS_AT_MOST = 34;
const WIDTH_AT_LEAST = 480;

interface Lane {
  readonly letters: number;
  readonly x: number;
  readonly width: number;
}

/** `width` has no meaning here. */
export function drawSvg(violation: Violation, options: DrawOptions = {}): string {
  const drawing = drawingOf(violation, options);
  const { title = violation.property } = options;
  const lanes = lanesOf(drawing);
  const last = lanes.at(-1);
  const width = Math.ceil(Math.max((last?.x ?? 0) + (last?.width ?? 0) + MARGIN, WIDTH_AT_LEAST));
  const broken = (texts: readonly string[]): readonly string[] =>
    texts.flatMap((text) => wrap(text, Math.floor((width - 2 * MARGIN) / CHAR), '  '));
  const head = broken([title, drawing.beginning ?? '']);
  const top = MARGIN + (head.length + 1) * LINE;
  const steps = stepsOf(drawing, lanes, top);
  const foot = broken(endOf(drawing, options));
  const height = steps.bottom + foot.length * LINE + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" xml:space="preserve" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    ...paragraph(head, MARGIN, MARGIN),
    ...steps.shapes,
    ...paragraph(foot, MARGIN, steps.bottom),
    '</svg>',
  ].join('\n');
}

const endOf = (drawing: Drawing, { notes = [] }: DrawOptions): readonly string[] => [
  ...drawing.sentences,
  ...drawing.lists.flatMap(({ heading, items }) => [`${heading}:`, ...items]),
  ...notes,
];

function lanesOf({ threads, rows }: Drawing): readonly Lane[] {
  let x = MARGIN;
  return threads.map((name, thread) => {
    const own = rows.filter((row) => row.thread === thread).map(naturalWidth);
    const wanted = Math.max(LETTERS_AT_LEAST, name.length, ...own);
    const letters = Math.max(Math.min(wanted, LETTERS_AT_MOST), name.length);
    const lane = { letters, x, width: widthFor(letters) };
    x += lane.width + GAP;
    return lane;
  });
}

function stepsOf(
  { threads, rows, legend, oopsAt }: Drawing,
  lanes: readonly Lane[],
  top: number,
): { shapes: readonly string[]; bottom: number } {
  if (rows.length === 0) return { shapes: [], bottom: top };
  const tips = new Map(legend.map(({ row, text }) => [row, text]));
  const boxes: Box[] = [];
  let y = top + 2 * LINE;
  const steps = rows.map((row, index) => {
    const { letters, x, width } = lanes[row.thread] as Lane;
    const lines = cell(row, letters);
    const box = { x, y, width, height: heightFor(lines.length) };
    boxes.push(box);
    y += box.height + BETWEEN_STEPS;
    return stepBox(box, lines, tips.get(index + 1) ?? '');
  });
  const shapes = [
    ...lanes.map(({ x, width }) => laneLine(x + width / 2, top + 1.5 * LINE, y)),
    ...lanes.map(({ x }, thread) => textAt(x, top + LINE, threads[thread] ?? '', 'name')),
    ...steps,
    ...arrowsOf(rows).map(({ from, to }) => arrow(boxes[from] as Box, boxes[to] as Box)),
    textAt(lanes[oopsAt]?.x ?? MARGIN, y + LINE, OOPS, 'oops'),
  ];
  return { shapes, bottom: y + 2 * LINE };
}
