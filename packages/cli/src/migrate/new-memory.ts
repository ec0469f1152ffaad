// Memory for what a stream brings. A stream may claim any size: what this host cannot give is its reader's to know.
import { type DestinationMemory, plainMemory } from '@faultline/machine';
import { InputError } from '../exit.ts';

/** Throws an InputError when there is not so much. */
export function newMemory(pages: number, pageSize: number): DestinationMemory {
  try {
    return plainMemory(new Uint8Array(pages * pageSize), pageSize);
  } catch {
    throw new InputError(
      `expected a guest that fits in this host's memory, got ${pages} pages of ${pageSize} bytes`,
    );
  }
}
