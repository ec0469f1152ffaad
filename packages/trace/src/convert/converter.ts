// A trace in another format: events in, pieces of a file out.
import type { TraceEvent } from '../trace-event.ts';
import { ChromeWriter } from './chrome.ts';
import { CsvWriter } from './csv.ts';
import { HeatMapWriter } from './heat-map-svg.ts';
import { NdjsonWriter } from './ndjson.ts';
import { ParquetFile } from './parquet.ts';
import { PerfettoWriter } from './perfetto.ts';
import { Timeline } from './timeline.ts';

/** Takes what the file consists of, in order. A piece is good until the call returns. */
export type Sink = (piece: Uint8Array) => void;

export interface Converter {
  add(event: TraceEvent): void;
  /** After the last event: writes what is left. */
  end(): void;
}

export const CONVERSIONS = ['perfetto', 'chrome', 'ndjson', 'csv', 'parquet', 'svg'] as const;
export type Conversion = (typeof CONVERSIONS)[number];

const MAKERS: Readonly<Record<Conversion, (sink: Sink) => Converter>> = {
  perfetto: (sink) => new Timeline(new PerfettoWriter(sink)),
  chrome: (sink) => new Timeline(new ChromeWriter(sink)),
  ndjson: (sink) => new NdjsonWriter(sink),
  csv: (sink) => new CsvWriter(sink),
  parquet: (sink) => new ParquetFile(sink),
  svg: (sink) => new HeatMapWriter(sink),
};

/**
 * Memory: what the format needs. perfetto, chrome: a bit for each page of each round of the dirty log; ndjson, csv: nothing;
 * parquet: 20,000 rows; svg: two numbers for each time that a page was dirtied.
 */
export const newConverter = (to: Conversion, sink: Sink): Converter => MAKERS[to](sink);
