// faultline snapshot: files with a guest's memory.
import type { DestinationMemory, SnapshotInfo } from '@faultline/machine';
import { Command } from 'commander';
import { EXIT_OK } from '../exit.ts';
import { newMemory } from '../migrate/new-memory.ts';
import { loadSnapshot } from '../migrate/snapshot-file.ts';
import { count } from '../table.ts';

interface Options {
  readonly json?: true;
}

/** `exit` is told the exit code. */
export const snapshotCommand = (exit: (code: number) => void): Command =>
  new Command('snapshot').addCommand(
    new Command('info')
      .description('say what is in a snapshot; all of it is read and compared with its checksums')
      .argument('<FILE>', 'a snapshot')
      .option('--json', 'print one JSON object')
      .action(async (file: string, { json }: Options) => {
        let stateBytes = 0;
        const info = await loadSnapshot(file, ({ pages, pageSize }): DestinationMemory => {
          const loadState = (state: Uint8Array): void => {
            stateBytes = state.length;
          };
          return { ...newMemory(pages, pageSize), loadState };
        });
        const contents = { ...info, stateBytes };
        process.stdout.write(json ? jsonOf(contents) : textOf(contents));
        exit(EXIT_OK);
      }),
  );

interface Contents extends SnapshotInfo {
  /** Of what was saved beside the memory: slots as the VM had them, registers, devices. */
  readonly stateBytes: number;
}

const jsonOf = (info: Contents): string =>
  `${JSON.stringify({ schema: 'faultline/snapshot', version: 1, ...info })}\n`;

const textOf = ({ shape, normal, duplicate, digest, stateBytes }: Contents): string =>
  [
    `${count(shape.pages)} pages of ${shape.pageSize} bytes: ${count(normal)} with contents, ${count(duplicate)} zero`,
    ...shape.slots.map(
      ({ id, gfn, npages, hvn }) =>
        `slot ${id}: gfn 0x${gfn.toString(16)}, ${count(npages)} pages at host page ${hvn}`,
    ),
    ...(stateBytes === 0 ? [] : [`state: ${count(stateBytes)} bytes`]),
    `checksum ${digest.toString(16).padStart(8, '0')}, as stated`,
    '',
  ].join('\n');
