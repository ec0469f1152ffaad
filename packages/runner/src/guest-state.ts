// A guest program on its way to another process. It does the same on every run, so that beside its memory it is only how far it has
// come: so many batches of touches on each vCPU. Whoever gets it makes all of them once more, in a ledger of its own, and then knows
// what must be in each word of the memory that came: by no word of the source.
import { GUESTS, type GuestName } from './guests/guests.ts';
import { MOST_VCPUS } from './machine.ts';

/** What the other side has to start. */
export interface GuestMachine {
  readonly name: GuestName;
  readonly vcpus: number;
}

/** For the stream's header. */
export const formatMachine = ({ name, vcpus }: GuestMachine): string =>
  `guest ${name}, vcpus ${vcpus}`;

/** Undefined for what is none of these guests. */
export function parseMachine(text: string): GuestMachine | undefined {
  const [, name = '', digits] = /^guest ([a-z-]+), vcpus (\d{1,2})$/.exec(text) ?? [];
  const vcpus = Number(digits);
  if (!Object.hasOwn(GUESTS, name) || !(vcpus >= 1 && vcpus <= MOST_VCPUS)) return undefined;
  if (whyItStays(name as GuestName) !== undefined) return undefined;
  return { name: name as GuestName, vcpus };
}

/** Why a guest cannot go to another process. */
export const whyItStays = (name: GuestName): string | undefined =>
  GUESTS[name].plug === true
    ? 'what it stored depends on where its VMM had its memory at the time, which no state says'
    : undefined;

/** Batches of each vCPU: 32 bits each, little-endian. */
export function encodeState(batches: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(batches.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [vcpu, count] of batches.entries()) view.setUint32(vcpu * 4, count, true);
  return bytes;
}

/** Throws a RangeError for what is no state of a guest with so many vCPUs. */
export function decodeState(bytes: Uint8Array, vcpus: number): number[] {
  if (bytes.length !== vcpus * 4) {
    throw new RangeError(
      `expected ${vcpus * 4} bytes of state for ${vcpus} vCPUs, got ${bytes.length}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: vcpus }, (_, vcpu) => {
    const batches = view.getUint32(vcpu * 4, true);
    if (batches < 2 ** 31) return batches;
    throw new RangeError(`expected fewer than 2^31 batches of vCPU ${vcpu}, got ${batches}`);
  });
}
