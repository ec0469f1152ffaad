// The heat map as a picture: time to the right, guest pages upward, one colour scale that the colour-blind can read too
// (cividis: it rises evenly in lightness). Harvests are ticks above it. One path for each colour keeps the file small.
import type { TraceEvent } from '../trace-event.ts';
import type { Converter, Sink } from './converter.ts';
import { type HeatMap, HeatMapBuilder, type HeatRegion } from './heat-map.ts';
import { TextSink } from './text-sink.ts';

const CELL = { width: 4, height: 3 } as const;
const LEFT = 96;
const TOP = 62;
const BETWEEN = 10;
const BOTTOM = 86;
const RIGHT = 24;
/** cividis at eleven places, dark to light. */
const COLOURS = [
  '#00224e',
  '#123570',
  '#3b496c',
  '#575d6d',
  '#707173',
  '#8a8678',
  '#a59c74',
  '#c3b369',
  '#d5c164',
  '#e9d04e',
  '#fee838',
] as const;
const TICKS = 8;

export class HeatMapWriter implements Converter {
  readonly #builder = new HeatMapBuilder();
  readonly #out: TextSink;

  constructor(sink: Sink) {
    this.#out = new TextSink(sink);
  }

  add(event: TraceEvent): void {
    this.#builder.add(event);
  }

  /** Throws a RangeError for a trace in which no page was dirtied: an empty picture would say that nothing happened. */
  end(): void {
    const map = this.#builder.map();
    if (map === undefined) {
      throw new RangeError('expected pages that become writable, got none');
    }
    for (const part of heatMapSvg(map)) this.#out.write(part);
    this.#out.flush();
  }
}

export function* heatMapSvg(map: HeatMap): Generator<string> {
  const width = LEFT + map.columns * CELL.width + RIGHT;
  const plot = map.regions.reduce((sum, region) => sum + heightOf(region) + BETWEEN, -BETWEEN);
  const height = TOP + plot + BOTTOM;
  yield `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">\n`;
  yield `<rect width="${width}" height="${height}" fill="#ffffff"/>\n`;
  yield text(LEFT, 20, 'Pages dirtied, by guest page and time', 'font-size="15"');
  yield* harvests(map);
  let top = TOP;
  // The lowest gfn is at the bottom.
  for (const region of map.regions.toReversed()) {
    yield* regionSvg(region, top, map);
    top += heightOf(region) + BETWEEN;
  }
  yield* timeAxis(map, TOP + plot);
  yield* legend(map, TOP + plot + 50);
  yield '</svg>\n';
}

const heightOf = ({ counts }: HeatRegion): number => Math.max(counts.length * CELL.height, 14);

function* regionSvg(region: HeatRegion, top: number, map: HeatMap): Generator<string> {
  const height = heightOf(region);
  const width = map.columns * CELL.width;
  yield `<rect x="${LEFT}" y="${top}" width="${width}" height="${height}" fill="#f2f2f2"/>\n`;
  const rowHeight = height / region.counts.length;
  const paths = COLOURS.map((): string[] => []);
  for (const [row, counts] of region.counts.entries()) {
    const y = top + height - (row + 1) * rowHeight;
    for (let column = 0; column < counts.length; column++) {
      const count = counts[column] as number;
      if (count === 0) continue;
      paths[colourOf(count, map.most)]?.push(`M${LEFT + column * CELL.width} ${round(y)}`);
    }
  }
  for (const [colour, at] of paths.entries()) {
    if (at.length === 0) continue;
    const cell = `h${CELL.width}v${round(rowHeight)}h-${CELL.width}z`;
    yield `<path fill="${COLOURS[colour]}" d="${at.map((move) => move + cell).join('')}"/>\n`;
  }
  const last = region.gfn + region.npages - 1;
  if (height >= 40) yield text(LEFT - 6, top + 10, hex(last), 'text-anchor="end" font-size="10"');
  yield text(LEFT - 6, top + height - 1, hex(region.gfn), 'text-anchor="end" font-size="10"');
  const middle = top + Math.min(height / 2 + 4, height - 14);
  if (height >= 40) yield text(8, middle, region.name);
}

/** Equal steps of the logarithm: most bins have few, some have many. */
const colourOf = (count: number, most: number): number =>
  most <= 1
    ? COLOURS.length - 1
    : Math.round((Math.log(count) / Math.log(most)) * (COLOURS.length - 1));

function* harvests({ harvests: all, begin, end, columns }: HeatMap): Generator<string> {
  const width = columns * CELL.width;
  const within = all.filter(({ time }) => time >= begin && time <= end);
  if (within.length === 0) return;
  yield text(LEFT - 6, TOP - 8, 'harvests', 'text-anchor="end" font-size="10"');
  const ticks = within.map(({ time }) => {
    const x = LEFT + ((time - begin) / Math.max(1, end - begin)) * width;
    return `M${round(x)} ${TOP - 18}v12`;
  });
  yield `<path stroke="#222222" stroke-width="1" d="${ticks.join('')}"/>\n`;
}

function* timeAxis({ begin, end, columns }: HeatMap, bottom: number): Generator<string> {
  const width = columns * CELL.width;
  for (let tick = 0; tick <= TICKS; tick++) {
    const x = LEFT + (tick / TICKS) * width;
    const seconds = (begin + (tick / TICKS) * (end - begin)) / 1e6;
    yield `<path stroke="#222222" d="M${x} ${bottom}v5"/>\n`;
    yield text(x, bottom + 18, seconds.toFixed(2), 'text-anchor="middle" font-size="10"');
  }
  yield text(LEFT + width / 2, bottom + 34, 'time of the trace, seconds', 'text-anchor="middle"');
  yield text(8, bottom + 18, 'gfn', 'font-size="10"');
}

function* legend(
  { most, pagesPerRow, begin, end, columns }: HeatMap,
  top: number,
): Generator<string> {
  const ms = (end - begin) / columns / 1000;
  const bin = `${pagesPerRow} ${pagesPerRow === 1 ? 'page' : 'pages'} x ${ms.toPrecision(3)} ms`;
  for (const [i, colour] of COLOURS.entries()) {
    yield `<rect x="${LEFT + i * 16}" y="${top}" width="16" height="12" fill="${colour}"/>\n`;
  }
  const right = LEFT + COLOURS.length * 16;
  yield text(LEFT, top + 26, '1', 'text-anchor="middle" font-size="10"');
  yield text(right, top + 26, String(most), 'text-anchor="middle" font-size="10"');
  yield text(
    right + 12,
    top + 10,
    `times in ${bin} that a page became writable (logarithmic); grey: none`,
  );
}

const text = (x: number, y: number, of: string, more = ''): string =>
  `<text x="${round(x)}" y="${round(y)}" fill="#222222" ${more}>${of}</text>\n`;
const hex = (gfn: number): string => gfn.toString(16);
const round = (value: number): number => Math.round(value * 10) / 10;
