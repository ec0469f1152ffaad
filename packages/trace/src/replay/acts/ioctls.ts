// The ioctls of the VMM, from one marker to the other.
import type { Marker } from '../../marker.ts';
import type { ActBase, IoctlAct, IoctlMarker } from './act.ts';

const IOCTLS = new Set<string>([
  'memslot',
  'get_dirty_log',
  'clear_dirty_log',
  'reset_dirty_rings',
]);
export const isIoctl = (marker: Marker): marker is IoctlMarker => IOCTLS.has(marker.ev);

export class Ioctls {
  /** The last harvest of each slot, whose bits are told after its end. */
  readonly #harvests = new Map<number, IoctlAct>();

  begin(base: ActBase, marker: IoctlMarker): IoctlAct {
    return { ...base, kind: 'ioctl', marker, end: undefined, ended: undefined, bits: [] };
  }

  /** `index`: of its end marker. */
  end(act: IoctlAct, marker: IoctlMarker, index: number): void {
    act.end = index;
    act.ended = marker;
    if (marker.ev === 'get_dirty_log') this.#harvests.set(marker.slot, act);
  }

  addBits(marker: IoctlAct['bits'][number]): void {
    this.#harvests.get(marker.slot)?.bits.push(marker);
  }
}
