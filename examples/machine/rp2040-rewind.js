// rp2040js (the Raspberry Pi Pico's emulator, https://github.com/wokwi/rp2040js, MIT) with its RAM in Faultline: which pages
// the firmware writes, and a rewind to any of the last snapshots.
//
//   npm install rp2040js
//   node examples/machine/rp2040-rewind.js
import { createVm } from 'faultline/machine';
import { RP2040 } from 'rp2040js';

const RAM = 0x2000_0000;
const BYTES = 264 * 1024;

const vm = createVm({
  memory: BYTES,
  spareFrames: 256,
  slots: [{ id: 0, gpa: RAM, bytes: BYTES, offset: 0 }],
});
const vcpu = vm.vcpu(0);
const isRam = (address) => address >>> 0 >= RAM && address >>> 0 < RAM + BYTES;

/** All that is asked of the bus and lies in RAM goes to the library: the core's accesses, its fetches, DMA. */
class Pico extends RP2040 {
  readUint32(address) {
    return isRam(address) ? vcpu.read32(address >>> 0) >>> 0 : super.readUint32(address);
  }
  readUint16(address) {
    return isRam(address) ? vcpu.read16(address >>> 0) : super.readUint16(address);
  }
  readUint8(address) {
    return isRam(address) ? vcpu.read8(address >>> 0) : super.readUint8(address);
  }
  writeUint32(address, value) {
    if (isRam(address)) vcpu.write32(address >>> 0, value);
    else super.writeUint32(address, value);
  }
  writeUint16(address, value) {
    if (isRam(address)) vcpu.write16(address >>> 0, value);
    else super.writeUint16(address, value);
  }
  writeUint8(address, value) {
    if (isRam(address)) vcpu.write8(address >>> 0, value);
    else super.writeUint8(address, value);
  }
}

// loop: str r2, [r0]; adds r2, #1; adds r0, #4; cmp r0, r1; bne loop; b .
const FIRMWARE = Uint16Array.of(0x6002, 0x3201, 0x3004, 0x4288, 0xd1fa, 0xe7fe);
const END = RAM + 10;
vm.writeBytes(RAM, new Uint8Array(FIRMWARE.buffer));

const pico = new Pico();
const { core } = pico;
core.registers[0] = RAM + 0x8000;
core.registers[1] = RAM + 0x1_0000;
core.registers[2] = 1;
core.PC = RAM;

/** Memory is the library's part of a moment, the core's state is ours. */
const save = () => ({
  memory: vm.snapshot(),
  registers: core.registers.slice(),
  flags: [core.N, core.Z, core.C, core.V],
});
function rewind({ memory, registers, flags }) {
  core.registers.set(registers);
  [core.N, core.Z, core.C, core.V] = flags;
  return vm.restore(memory);
}

const dirty = vm.dirtyClient('which pages each slice wrote');
const moments = [];
function slice() {
  moments.push(save());
  for (let count = 0; count < 8192 && core.PC !== END; count++) core.executeInstruction();
  return dirty.take().map((page) => page - RAM / 4096);
}
while (core.PC !== END) console.log(`slice ${moments.length}: pages ${slice().join(' ')}`);

const read = () => {
  const bytes = new Uint8Array(0x8000);
  vm.readBytes(RAM + 0x8000, bytes);
  return bytes;
};
const finished = read();
const changed = rewind(moments[1]);
const early = read();
console.log(`rewound to slice 1: ${changed} pages, r2 is ${core.registers[2]}`);
while (core.PC !== END) core.executeInstruction();
const again = read();

const word = (bytes, at) => new DataView(bytes.buffer).getUint32(at, true);
const right =
  word(finished, 0x7ffc) === 0x2000 &&
  word(early, 0x7ffc) === 0 &&
  word(early, 0) === 1 &&
  changed > 0 &&
  finished.every((byte, index) => byte === again[index]);
console.log(`run again from there: ${right ? 'the same memory' : 'other memory'}`);
if (!right) {
  console.error(
    'expected 1 to 0x2000 in RAM after both runs, and only the first of them after the rewind',
  );
  process.exitCode = 1;
}
