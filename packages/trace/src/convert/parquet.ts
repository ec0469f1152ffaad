// Rows as Parquet, a group of rows at a time: for DuckDB, pandas and the like.
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { TraceEvent } from '../trace-event.ts';
import { COLUMNS, type ColumnName, type ColumnType, type Row, rowOf } from './columns.ts';
import type { Converter, Sink } from './converter.ts';
import type { Plain } from './plain-fields.ts';

const GROUP_ROWS = 20_000;

const SCHEMA_TYPES = {
  DOUBLE: { type: 'DOUBLE' },
  INT32: { type: 'INT32' },
  INT64: { type: 'INT64' },
  BOOLEAN: { type: 'BOOLEAN' },
  STRING: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
} as const satisfies Readonly<Record<ColumnType, object>>;

const NAMES = Object.keys(COLUMNS) as ColumnName[];

export class ParquetFile implements Converter {
  readonly #sink: Sink;
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;
  #rows: Row[] = [];

  constructor(sink: Sink) {
    this.#sink = sink;
    const fields = NAMES.map((name) => {
      const repetition_type = 'OPTIONAL' as const;
      return { name, repetition_type, ...SCHEMA_TYPES[COLUMNS[name]] };
    });
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [{ name: 'events', num_children: fields.length }, ...fields],
      createdBy: 'faultline',
    });
  }

  add(event: TraceEvent): void {
    this.#rows.push(rowOf(event));
    if (this.#rows.length >= GROUP_ROWS) this.#writeGroup();
  }

  end(): void {
    if (this.#rows.length > 0) this.#writeGroup();
    this.#writer.finish();
    this.#flush();
  }

  #writeGroup(): void {
    const columnData = NAMES.map((name) => {
      return { name, data: this.#rows.map((row) => parquetValue(COLUMNS[name], row[name])) };
    });
    this.#writer.write({ columnData, rowGroupSize: GROUP_ROWS });
    this.#rows = [];
    this.#flush();
  }

  /** The writer counts its bytes by itself: the buffer may begin anew. */
  #flush(): void {
    this.#sink(new Uint8Array(this.#bytes.buffer, 0, this.#bytes.index));
    this.#bytes.index = 0;
  }
}

function parquetValue(type: ColumnType, value: Plain | undefined): Plain | bigint | null {
  if (value === undefined) return null;
  return type === 'INT64' ? BigInt(value as number) : value;
}
