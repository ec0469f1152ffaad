// Source lines as a reader wants them. In: stacks of frames; out: `fastPageFault (fault/fast-page-fault.ts:12, 15)`.
import type { Frame } from '../execution.ts';

/** The last two components of a path or URL, without a query. */
export function shortFile(file: string): string {
  const path = file.replace(/[?#].*$/, '').replaceAll('\\', '/');
  return path.split('/').filter(Boolean).slice(-2).join('/');
}

const inFunction = (name: string, place: string): string =>
  name === '' ? place : `${name} (${place})`;

/** Stacks that differ in their innermost line only are told together. `depth` frames of each, innermost first. */
export function sourceLines(sites: readonly (readonly Frame[])[], depth: number): string {
  const groups = new Map<string, { head: Frame; callers: string; lines: Set<number> }>();
  for (const [head, ...rest] of sites.map((site) => site.slice(0, Math.max(depth, 1)))) {
    if (head === undefined) continue;
    const callers = rest.map(
      (frame) => ` < ${inFunction(frame.function, `${shortFile(frame.file)}:${frame.line}`)}`,
    );
    const key = JSON.stringify([head.function, head.file, callers]);
    const group = groups.get(key) ?? { head, callers: callers.join(''), lines: new Set() };
    groups.set(key, group);
    group.lines.add(head.line);
  }
  return [...groups.values()]
    .map(({ head, callers, lines }) => {
      const place = `${shortFile(head.file)}:${[...lines].join(', ')}`;
      return inFunction(head.function, place) + callers;
    })
    .join('; ');
}
