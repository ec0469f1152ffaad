// What user space wrote to `trace_marker`. Anybody may write anything there, so only a JSON object with an `ev` is taken for
// a marker; other text is somebody else's and merely counted.
import { decodeText } from './byte-interner.ts';
import { type Decoders, FOREIGN } from './decode.ts';
import type { LineCursor } from './line-cursor.ts';
import { isKnownMarker, type Marker, wrongField } from './marker.ts';
import type { TraceBody } from './trace-event.ts';

const BRACE = 0x7b;

export const markerDecoders: Decoders = {
  tracing_mark_write(line) {
    // trace-cmd and perf call the event `print` and put the function that wrote it here.
    line.accept('tracing_mark_write: ');
    if (line.bytes[line.at] !== BRACE) return FOREIGN;
    const text = decodeText(line.bytes, line.at, line.end);
    line.at = line.end;
    try {
      return markerEvent(line, JSON.parse(text));
    } catch {
      line.fail('a whole JSON object');
      return FOREIGN;
    }
  },
};

function markerEvent(line: LineCursor, marker: { ev?: unknown }): TraceBody | typeof FOREIGN {
  if (typeof marker.ev !== 'string') return FOREIGN;
  const other = marker as { readonly ev: string };
  if (!isKnownMarker(other.ev)) return { event: 'other_marker', marker: other };
  const wrong = wrongField(other);
  if (wrong !== undefined) line.fail(`a ${other.ev} marker with ${wrong}`);
  return { event: 'marker', marker: marker as Marker };
}
