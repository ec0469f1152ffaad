import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createVm } from './create-vm.ts';
import type { Vcpu } from './vcpu.ts';

const PAGE = 4096;
const makeVcpu = () => createVm({ memory: 8 * PAGE }).vcpu(0);

describe('a load or store of any size', () => {
  it('does what a plain array does, at every address, also across pages', () => {
    const vcpu = makeVcpu();
    const plain = new DataView(new ArrayBuffer(8 * PAGE));
    const address = fc
      .tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: -9, max: 9 }))
      .map(([page, by]) => Math.max(0, page * PAGE + by));
    const access = fc.record({
      address,
      size: fc.constantFrom(8, 16, 32, 64),
      value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      write: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(access, { maxLength: 40 }), (accesses) => {
        for (const { address: at, size, value, write } of accesses) {
          const low = Number(value & 0xffff_ffffn);
          if (size === 8) {
            if (write) vcpu.write8(at, low);
            if (write) plain.setUint8(at, low);
            expect(vcpu.read8(at)).toBe(plain.getUint8(at));
          } else if (size === 16) {
            if (write) vcpu.write16(at, low);
            if (write) plain.setUint16(at, low, true);
            expect(vcpu.read16(at)).toBe(plain.getUint16(at, true));
          } else if (size === 32) {
            if (write) vcpu.write32(at, low);
            if (write) plain.setUint32(at, low, true);
            expect(vcpu.read32(at)).toBe(plain.getInt32(at, true));
          } else {
            if (write) vcpu.write64(at, value);
            if (write) plain.setBigUint64(at, value, true);
            expect(vcpu.read64(at)).toBe(plain.getBigUint64(at, true));
          }
        }
      }),
    );
  });

  it('of 64 bits can be had as two halves', () => {
    const vcpu = makeVcpu();
    vcpu.write64Pair(0xffc, -1, 7);
    expect([vcpu.read64Low(0xffc), vcpu.high, vcpu.read64(0xffc)]).toEqual([-1, 7, 0x7_ffff_ffffn]);
  });

  it('of many bytes crosses pages', () => {
    const vcpu = makeVcpu();
    const bytes = Uint8Array.from({ length: 9000 }, (_, index) => index % 251);
    vcpu.writeBytes(100, bytes);
    const found = new Uint8Array(9000);
    vcpu.readBytes(100, found);
    expect([found, vcpu.read8(99), vcpu.read8(9100)]).toEqual([bytes, 0, 0]);
  });
});

describe('an access where nothing is', () => {
  const BEYOND = 8 * PAGE;

  it('reads all ones', () => {
    const vcpu = makeVcpu();
    const bytes = new Uint8Array(2);
    vcpu.readBytes(BEYOND, bytes);
    expect([
      vcpu.read8(BEYOND),
      vcpu.read16(BEYOND + 1),
      vcpu.read32(BEYOND + 1),
      vcpu.read64(BEYOND),
      ...bytes,
    ]).toEqual([0xff, 0xffff, -1, 2n ** 64n - 1n, 0xff, 0xff]);
  });

  it('reads what memory there is, and ones beyond', () => {
    const vcpu = makeVcpu();
    expect(vcpu.read32(BEYOND - 2)).toBe(-65_536);
  });

  it('stores what fits into memory', () => {
    const vcpu = makeVcpu();
    vcpu.write32(BEYOND - 2, 0x0403_0201);
    expect(vcpu.read16(BEYOND - 2)).toBe(0x0201);
  });

  it('finds no atomics', () => {
    const vcpu = makeVcpu();
    expect([vcpu.atomicAdd32(BEYOND, 1), vcpu.atomicCompareExchange32(BEYOND, 0, 1)]).toEqual([
      -1, -1,
    ]);
  });
});

describe('an atomic access', () => {
  it('answers what it found', () => {
    const vcpu = makeVcpu();
    vcpu.write32(8, 0xf0);
    expect([
      vcpu.atomicAdd32(8, 1),
      vcpu.atomicOr32(8, 0x100),
      vcpu.atomicAnd32(8, 0x10f),
      vcpu.atomicExchange32(8, -1),
      vcpu.atomicCompareExchange32(8, 0, 5),
      vcpu.atomicCompareExchange32(8, -1, 5),
      vcpu.read32(8),
    ]).toEqual([0xf0, 0xf1, 0x1f1, 0x101, -1, -1, 5]);
  });

  it('is aligned', () => {
    expect(() => makeVcpu().atomicAdd32(6, 1)).toThrow(
      'expected a multiple of 4 as gpa of an atomic access, got 0x6',
    );
  });
});

describe('a device', () => {
  const withDevice = () => {
    const vcpu = makeVcpu();
    const asked: unknown[] = [];
    const remove = vcpu.onMmio({
      gpa: 0x1_0000_0010,
      bytes: 0x20,
      read(offset, size) {
        asked.push(['read', offset, size]);
        return -2;
      },
      write: (offset, size, value) => asked.push(['write', offset, size, value]),
    });
    return { vcpu, asked, remove, at: 0x1_0000_0010 };
  };

  it('is told offset and size, and answers what it likes', () => {
    const { vcpu, asked, at } = withDevice();
    expect([vcpu.read8(at + 3), vcpu.read16(at), vcpu.read32(at + 1)]).toEqual([0xfe, 0xfffe, -2]);
    expect(asked).toEqual([
      ['read', 3, 1],
      ['read', 0, 2],
      ['read', 1, 4],
    ]);
  });

  it('is told values unsigned, and 64 bits by halves', () => {
    const { vcpu, asked, at } = withDevice();
    vcpu.write64(at + 8, 0xffff_ffff_0000_0001n);
    expect(asked).toEqual([
      ['write', 8, 4, 1],
      ['write', 12, 4, 0xffff_ffff],
    ]);
  });

  it('is not asked beside its range, nor once it is gone', () => {
    const { vcpu, asked, remove, at } = withDevice();
    vcpu.read32(at - 4);
    vcpu.read8(at + 0x20);
    remove();
    vcpu.read32(at);
    expect(asked).toEqual([]);
  });

  it('has its addresses to itself', () => {
    const { vcpu, at } = withDevice();
    const range = { gpa: at + 0x1f, bytes: 1, read: () => 0, write: () => {} };
    expect(() => vcpu.onMmio(range)).toThrow('expected no two devices at one gpa');
  });

  it('may change the slots', () => {
    const vm = createVm({ memory: 8 * PAGE, slots: [] });
    const vcpu = vm.vcpu(0);
    vcpu.onMmio({
      gpa: 0,
      bytes: 4,
      read: () => 0,
      write: () => vm.slots.add({ id: 0, gpa: 0, bytes: PAGE, offset: 0 }),
    });
    vcpu.write32(0, 9);
    expect(vcpu.read32(0)).toBe(0);
  });
});

describe('a translation', () => {
  it('says where a byte lies in ram', () => {
    const vm = createVm({ memory: 8 * PAGE });
    const vcpu = vm.vcpu(0);
    vcpu.write32(0x3004, 0x55);
    const offset = vcpu.translate(0x3004, 'read');
    expect(new DataView(vm.ram.buffer).getInt32(offset, true)).toBe(0x55);
  });

  it('for loads of an untouched page may be good for stores; for stores it is', () => {
    const vcpu = makeVcpu();
    vcpu.translate(0x3004, 'write');
    expect([vcpu.writable, vcpu.stat.pf_taken]).toEqual([true, 1]);
  });

  it('is not there without memory', () => {
    expect(makeVcpu().translate(8 * PAGE, 'write')).toBe(-1);
  });

  it('that was good for stores is void after a harvest, at once on the same thread', () => {
    const vm = createVm({ memory: 8 * PAGE });
    const vcpu = vm.vcpu(0);
    const client = vm.dirtyClient('test');
    let flushes = 0;
    vcpu.onFlush(() => flushes++);
    vcpu.translate(0x3000, 'write');
    expect([client.take(), flushes]).toEqual([[3], 1]);
    vcpu.translate(0x3000, 'read');
    expect([vcpu.writable, client.take()]).toEqual([false, []]);
    vcpu.translate(0x3000, 'write');
    expect([vcpu.writable, client.take()]).toEqual([true, [3]]);
  });

  it('lies in an array of its user, if he likes', () => {
    const vm = createVm({ memory: 8 * PAGE });
    const tlb = new Int32Array(4096);
    const offset = vm.vcpu(0, { tlb }).translate(0x5000, 'write');
    expect([...tlb.subarray(20, 23)]).toEqual([5, 5, offset / 4]);
  });
});

describe('a vCPU', () => {
  it('has a number that there is', () => {
    expect(() => createVm({ memory: PAGE }).vcpu(1)).toThrow('expected a vCPU below 1, got 1');
  });
});

describe('a vCPU that was disconnected', () => {
  const gone = 'expected vCPU 0 to be connected, got an access after disconnect()';
  const uses: [string, (vcpu: Vcpu) => void][] = [
    ['loads', (vcpu) => vcpu.read8(0)],
    ['stores', (vcpu) => vcpu.write32(0, 1)],
    ['translates', (vcpu) => vcpu.translate(0, 'read')],
    ['polls', (vcpu) => vcpu.poll()],
  ];

  it.each(uses)('%s no more', (_, use) => {
    const vm = createVm({ memory: 65_536 });
    const vcpu = vm.vcpu(0);
    vcpu.write32(0, 7);
    vcpu.disconnect();
    for (let turn = 0; turn < 2; turn++) expect(() => use(vcpu)).toThrow(gone);
    vcpu.leave();
    vcpu.disconnect();
    vm.dirtyClient('nobody is waited for').take();
    expect(vm.vcpu(0).read32(0)).toBe(7);
  });
});
