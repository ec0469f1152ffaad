// A tiny processor over Faultline's memory, on one thread, without SharedArrayBuffer. It keeps a TLB of its own, as a compiler
// of guest code would: the library fills it (`translate`) and says when it is void (`onFlush`).
//
//   node examples/machine/tiny-emulator.js
import { createVm } from 'faultline/machine';

const PAGE = 4096;
const CONSOLE = 0x7000_0000;

const vm = createVm({ memory: 64 * 1024 });
const vcpu = vm.vcpu(0);
const ram = new DataView(vm.ram.buffer);

// Where each guest page lies in ram, in pages and plus one; 0 is a miss. One array for loads and one for stores.
const loads = new Int32Array(16);
const stores = new Int32Array(16);
let flushes = 0;
vcpu.onFlush(() => {
  loads.fill(0);
  stores.fill(0);
  flushes++;
});

function fill(gpa, offset) {
  const page = (offset >>> 12) + 1;
  loads[gpa >>> 12] = page;
  if (vcpu.writable) stores[gpa >>> 12] = page; // else the next store has to come here, so that it is noticed
}

function load(gpa) {
  const page = loads[gpa >>> 12] ?? 0;
  if (page > 0) return ram.getInt32((page - 1) * PAGE + (gpa & (PAGE - 1)), true);
  const offset = vcpu.translate(gpa, 'read');
  if (offset < 0) return vcpu.read32(gpa); // no memory there: a device, or all ones
  fill(gpa, offset);
  return ram.getInt32(offset, true);
}

function store(gpa, value) {
  const page = stores[gpa >>> 12] ?? 0;
  if (page > 0) return ram.setInt32((page - 1) * PAGE + (gpa & (PAGE - 1)), value, true);
  const offset = vcpu.translate(gpa, 'write');
  if (offset < 0) return vcpu.write32(gpa, value);
  fill(gpa, offset);
  ram.setInt32(offset, value, true);
}

let printed = '';
vcpu.onMmio({
  gpa: CONSOLE,
  bytes: 4,
  read: () => 0,
  write: (_offset, _size, value) => {
    printed += String.fromCharCode(value);
  },
});

// An instruction: operation, two registers, a signed number of 16 bits.
const [HALT, SET, HIGH, ADD, ADD_NUMBER, LOAD, STORE, BRANCH_UNEQUAL] = [0, 1, 2, 3, 4, 5, 6, 7];
const instruction = (operation, a = 0, b = 0, number = 0) =>
  (operation << 24) | (a << 20) | (b << 16) | (number & 0xffff);

const ARRAY = 0x4000;
const WORDS = 3000;
const program = [
  instruction(SET, 1, 0, ARRAY), // r1: where
  instruction(SET, 2, 0, ARRAY + 4 * WORDS), // r2: the end
  instruction(STORE, 3, 1), // r3 counts
  instruction(ADD_NUMBER, 3, 0, 1),
  instruction(ADD_NUMBER, 1, 0, 4),
  instruction(BRANCH_UNEQUAL, 1, 2, -3),
  instruction(SET, 1, 0, ARRAY),
  instruction(LOAD, 4, 1),
  instruction(ADD, 5, 4), // r5: the sum
  instruction(ADD_NUMBER, 1, 0, 4),
  instruction(BRANCH_UNEQUAL, 1, 2, -3),
  instruction(HIGH, 6, 0, CONSOLE >>> 16),
  ...[...'done'].flatMap((character) => [
    instruction(SET, 7, 0, character.charCodeAt(0)),
    instruction(STORE, 7, 6),
  ]),
  instruction(HALT),
];

const registers = new Int32Array(8);

function run() {
  registers.fill(0);
  for (let pc = 0, count = 0; ; pc += 4, count++) {
    const word = load(pc);
    const a = (word >> 20) & 7;
    const b = (word >> 16) & 7;
    const number = (word << 16) >> 16;
    switch (word >>> 24) {
      case HALT:
        return count;
      case SET:
        registers[a] = number;
        break;
      case HIGH:
        registers[a] = number << 16;
        break;
      case ADD:
        registers[a] += registers[b];
        break;
      case ADD_NUMBER:
        registers[a] += number;
        break;
      case LOAD:
        registers[a] = load(registers[b] >>> 0);
        break;
      case STORE:
        store(registers[b] >>> 0, registers[a]);
        break;
      case BRANCH_UNEQUAL:
        if (registers[a] !== registers[b]) pc += 4 * number - 4;
        vcpu.poll(); // the end of a block: here others are served, and `onFlush` may be called
        break;
      default:
        throw new Error(`expected an instruction, got 0x${(word >>> 0).toString(16)} at ${pc}`);
    }
  }
}

vm.writeBytes(0, new Uint8Array(Int32Array.from(program).buffer));
const dirty = vm.dirtyClient('who wants to know what the program wrote');
const count = run();
const first = dirty.take();
run();
const second = dirty.take();

console.log(`${count} instructions, sum ${registers[5]}, the console says "${printed}"`);
console.log(`pages written: ${first.join(' ')}; again in the second run: ${second.join(' ')}`);
console.log(
  `${vcpu.stat.pf_taken} faults, ${vcpu.stat.pf_fast} repaired by the fast path, ${flushes} flushes`,
);

const right =
  registers[5] === (WORDS * (WORDS - 1)) / 2 &&
  printed === 'donedone' &&
  second.join(' ') === '4 5 6' &&
  [4, 5, 6].every((page) => first.includes(page)) &&
  vcpu.stat.pf_fast === 3;
if (!right) {
  console.error('expected the sum of 0 to 2999, "donedone", and pages 4 5 6 written in both runs');
  process.exitCode = 1;
}
