// How a migration is taken in.
import type { AssemblyOptions } from './assembly.ts';
import type { Channel } from './channel.ts';
import type { ConnectionOptions } from './connection.ts';
import type { DestinationMemory } from './guest.ts';
import type { Shape } from './shape.ts';

/** What the side that a guest comes to is told. */
export interface DestinationOptions extends ConnectionOptions, AssemblyOptions {
  /** The next connection. The first one says how many there are. */
  readonly accept: () => Promise<Channel>;
  /** Makes the memory for a VM of this shape, or throws what is wrong with it; `machine`: the source's word for the guest. */
  readonly open: (shape: Shape, machine: string) => DestinationMemory;
  /** Post-copy: how long a broken connection may take to come back. Seconds, 30 unless said. */
  readonly recoverS?: number;
  /** Told when the guest may run before all of it is there, and when the connection breaks meanwhile. */
  readonly progress?: (status: 'postcopy-active' | 'postcopy-paused') => void;
}
