import { describe, expect, it } from 'vitest';
import { channelPair } from '../test/channel-pair.ts';
import { createVm, type VmOptions } from './create-vm.ts';
import type { Channel } from './migrate/channel.ts';
import type { MigrationInfo } from './migrate/migration-info.ts';
import type { VmMigrationOptions } from './migrate-vm.ts';
import { type ReceivedVm, receiveVm, type VmDestinationOptions } from './receive-vm.ts';
import type { Vm } from './vm.ts';

const PAGE = 4096;
const PAGES = 64;
const MEMORY = PAGES * PAGE;
const REGISTERS = Uint8Array.of(7, 8, 9);

const makeVm = (options: Partial<VmOptions> = {}): Vm =>
  createVm({ memory: MEMORY, shared: false, spareFrames: 200, ...options });

interface Ends {
  readonly sent: Promise<unknown>;
  readonly received: Promise<ReceivedVm>;
}

function migrate(
  vm: Vm,
  options: Partial<VmMigrationOptions> = {},
  arriving: Partial<VmDestinationOptions> = {},
): Ends {
  const [here, there] = channelPair();
  const received = receiveVm({ accept: async () => there, vm: { shared: false }, ...arriving });
  const sent = vm.migrate([here], { stop: () => REGISTERS, resume: () => {}, ...options });
  received.catch(() => {});
  sent.catch(() => {});
  return { sent, received };
}

async function arrived(ends: Ends): Promise<ReceivedVm> {
  await ends.sent;
  return ends.received;
}

const bytesOf = (vm: Vm): Uint8Array => {
  const bytes = new Uint8Array(MEMORY);
  vm.readBytes(0, bytes);
  return bytes;
};

describe('a VM that is migrated', () => {
  it('arrives with its memory, its slots and the state of its processors', async () => {
    const slots = [
      { id: 0, gpa: 0, bytes: 16 * PAGE, offset: 0 },
      { id: 3, gpa: 0x8000_0000, bytes: 8 * PAGE, offset: 32 * PAGE, flags: 1 },
    ];
    const vm = makeVm({ slots });
    vm.vcpu(0).write32(0x8000_0004, 5);
    const before = vm.slots.list();
    const { vm: other, state, handedOver } = await arrived(migrate(vm));
    expect([state, handedOver]).toEqual([REGISTERS, true]);
    expect(other.slots.list()).toEqual(before);
    expect(other.vcpu(0).read32(0x8000_0004)).toBe(5);
  });

  it('brings what it stores until it is stopped, and what the author stores while he stops it', async () => {
    const vm = makeVm();
    const vcpu = vm.vcpu(0);
    for (let page = 0; page < PAGES; page++) vcpu.write32(page * PAGE, page);
    const progress = ({ status }: MigrationInfo): void => {
      if (status !== 'active') return;
      for (let page = 0; page < PAGES; page += 3) vcpu.write32(page * PAGE + 4, page);
    };
    const stop = async (): Promise<Uint8Array> => {
      vm.writeBytes(5 * PAGE, Uint8Array.of(77));
      return REGISTERS;
    };
    const { vm: other } = await arrived(migrate(vm, { stop, progress }));
    vm.resume();
    expect(bytesOf(other)).toEqual(bytesOf(vm));
    expect(bytesOf(other)[5 * PAGE]).toBe(77);
  });

  it('may change its slots until then, and brings what none shows', async () => {
    const bank = { id: 1, gpa: 0x10_0000, bytes: 8 * PAGE, offset: 16 * PAGE };
    const other = { ...bank, offset: 24 * PAGE };
    const vm = makeVm({ slots: [{ id: 0, gpa: 0, bytes: 16 * PAGE, offset: 0 }, bank] });
    const vcpu = vm.vcpu(0);
    vcpu.write32(bank.gpa, 1);
    const progress = ({ rounds }: MigrationInfo): void => {
      if (rounds.length !== 1) return;
      vcpu.write32(bank.gpa, 2);
      vm.slots.remove(1);
      vm.slots.add(other);
      vcpu.write32(bank.gpa, 3);
    };
    const { vm: there } = await arrived(migrate(vm, { progress }));
    expect(there.slots.list()).toEqual(vm.slots.list());
    const found = [there.vcpu(0).read32(bank.gpa)];
    there.slots.remove(1);
    there.slots.add(bank);
    found.push(there.vcpu(0).read32(bank.gpa));
    expect(found).toEqual([3, 2]);
  });

  it('leaves other dirty-log clients what is theirs', async () => {
    const vm = makeVm();
    const screen = vm.dirtyClient('screen');
    vm.vcpu(0).write32(3 * PAGE, 1);
    await arrived(migrate(vm));
    expect(screen.take()).toContain(3);
  });

  it('keeps its snapshots where it was, and is itself at the other side', async () => {
    const vm = makeVm();
    vm.vcpu(0).write32(3 * PAGE, 1);
    const snapshot = vm.snapshot();
    vm.vcpu(0).write32(3 * PAGE, 2);
    const { vm: other } = await arrived(migrate(vm));
    const kept = new Uint8Array(1);
    snapshot.readBytes(3 * PAGE, kept);
    expect([kept[0], other.vcpu(0).read32(3 * PAGE)]).toEqual([1, 2]);
  });

  it('is as a rewind in between left it', async () => {
    const vm = makeVm();
    vm.vcpu(0).write32(3 * PAGE, 1);
    const snapshot = vm.snapshot();
    vm.vcpu(0).write32(3 * PAGE, 2);
    const progress = ({ status }: MigrationInfo): void => {
      if (status === 'active') vm.restore(snapshot);
    };
    const { vm: other } = await arrived(migrate(vm, { progress }));
    expect(other.vcpu(0).read32(3 * PAGE)).toBe(1);
  });
});

describe('a VM that was handed over', () => {
  const handedOver = async (): Promise<Vm> => {
    const vm = makeVm();
    vm.vcpu(0).write32(3 * PAGE, 1);
    await arrived(migrate(vm));
    return vm;
  };

  it('refuses accesses, rewinds and slots, every time', async () => {
    const vm = await handedOver();
    const refused = 'expected a guest that runs here, got one that was handed over';
    for (const access of [
      () => vm.vcpu(0).read32(0),
      () => vm.vcpu(0).read32(0),
      () => vm.writeBytes(0, Uint8Array.of(1)),
      () => vm.slots.remove(0),
    ]) {
      expect(access).toThrow(refused);
    }
    await expect(migrate(vm).sent).rejects.toThrow(refused);
  });

  it('runs on when its author says so', async () => {
    const vm = await handedOver();
    vm.resume();
    vm.vcpu(0).write32(0, 6);
    expect([vm.vcpu(0).read32(0), vm.vcpu(0).read32(3 * PAGE)]).toEqual([6, 1]);
  });

  it('is not logged any more', async () => {
    const vm = await handedOver();
    expect(vm.slots.list().map(({ flags }) => flags)).toEqual([0]);
  });
});

describe('a migration that fails', () => {
  /** Breaks when the source sends the state, so that the guest was stopped. */
  const breaking = (channel: Channel, when: () => boolean): Channel => ({
    ...channel,
    send: (bytes) => {
      if (when()) channel.close();
      return channel.send(bytes);
    },
  });

  it('after the stop lets the guest go on, and tells its author', async () => {
    const vm = makeVm();
    const calls: string[] = [];
    const [here, there] = channelPair();
    const received = receiveVm({ accept: async () => there, vm: { shared: false } });
    const stop = (): Uint8Array => {
      calls.push('stop');
      return REGISTERS;
    };
    const channel = breaking(here, () => calls.length > 0);
    const sent = vm.migrate([channel], { stop, resume: () => calls.push('resume') });
    await expect(sent).rejects.toMatchObject({ reason: 'closed' });
    await expect(received).rejects.toMatchObject({ reason: 'closed' });
    vm.vcpu(0).write32(0, 3);
    expect([calls, vm.vcpu(0).read32(0)]).toEqual([['stop', 'resume'], 3]);
    expect(vm.slots.list().map(({ flags }) => flags)).toEqual([0]);
  });

  it('before the stop does not ask for it', async () => {
    const vm = makeVm();
    const calls: string[] = [];
    const ends = migrate(
      vm,
      { stop: () => REGISTERS, resume: () => calls.push('resume') },
      { vm: { shared: false, spareFrames: -70 } },
    );
    await expect(ends.sent).rejects.toMatchObject({ reason: 'refused' });
    expect(calls).toEqual([]);
  });

  it('for another number of vCPUs says what to change, and the guest runs on', async () => {
    const vm = makeVm({ vcpus: 2 });
    const ends = migrate(vm);
    await expect(ends.received).rejects.toThrow(
      'expected a guest of 1 vCPUs, got one of 2; make it with { vm: { vcpus: 2 } }',
    );
    await expect(ends.sent).rejects.toMatchObject({ reason: 'refused' });
    vm.vcpu(1).write32(0, 3);
    expect(vm.vcpu(0).read32(0)).toBe(3);
  });

  it('because the author could not stop the guest says why', async () => {
    const vm = makeVm();
    const stop = (): Uint8Array => {
      throw new Error('the disk is busy');
    };
    await expect(migrate(vm, { stop }).sent).rejects.toThrow('the disk is busy');
    expect(vm.vcpu(0).read32(0)).toBe(0);
  });

  it('leaves room for the next', async () => {
    const vm = makeVm({ dirtyClients: 1 });
    const stop = (): Uint8Array => {
      throw new Error('not now');
    };
    await expect(migrate(vm, { stop }).sent).rejects.toThrow('not now');
    expect((await arrived(migrate(vm))).state).toEqual(REGISTERS);
  });
});

describe('a VM without a free dirty-log client', () => {
  it('is not migrated, and says who has them', async () => {
    const vm = makeVm({ dirtyClients: 1 });
    vm.dirtyClient('screen');
    await expect(migrate(vm).sent).rejects.toThrow(
      'expected room for dirty-log client "migration", got 1 at most; open: screen',
    );
  });
});

describe('a second migration of a VM', () => {
  it('is refused while the first is under way', async () => {
    const vm = makeVm();
    const first = migrate(vm);
    await expect(migrate(vm).sent).rejects.toThrow('expected one migration of a VM at a time');
    await arrived(first);
  });
});
