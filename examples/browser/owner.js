// The VM's owner: makes it, runs its vCPUs on workers where memory can be shared and by turns on this thread where it cannot,
// and meanwhile asks the dirty log what to draw.
import { createVm } from '../../dist/browser/machine.js';
import { COUNTER, FRAME_BUFFER, HEIGHT, LINE, MEMORY, run } from './guest.js';

const PAGE = 4096;
const SCREEN = LINE * HEIGHT;
const SCREEN_SLOT = Math.ceil(SCREEN / PAGE) * PAGE;
const RED = 0xff20_20e0 | 0; // A, B, G, R: little-endian, as a canvas has it
const GREEN = 0xff20_a020 | 0;
const FRAME_MS = 16;

const post = (kind, data, transfer = []) => self.postMessage({ kind, ...data }, transfer);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

main().catch((error) => post('fail', { message: `${error}` }));

async function main() {
  const vm = createVm({
    memory: MEMORY + SCREEN_SLOT,
    slots: [
      { id: 0, gpa: 0, bytes: MEMORY, offset: 0 },
      { id: 1, gpa: FRAME_BUFFER, bytes: SCREEN_SLOT, offset: MEMORY },
    ],
    vcpus: 2, // shared if this page may share memory
    spareFrames: 2 * ((MEMORY + SCREEN_SLOT) / PAGE),
  });
  const screen = vm.dirtyClient('screen');
  const runGuest = vm.shared ? onWorkers(vm) : byTurns(vm);
  let harvests = 0;
  const look = () => {
    harvests++;
    for (const band of bands(screen.take())) drawBand(vm, band);
  };

  await whileIt(runGuest(RED), look);
  const first = counterOf(vm);
  compare(vm, 'after the first run');

  let kept;
  await whileIt(runGuest(GREEN), () => {
    if (counterOf(vm) > first) kept ??= vm.snapshot(); // the vCPUs are in the middle of it
    look();
  });
  const second = counterOf(vm);
  compare(vm, 'after the second run');

  const changedPages = vm.restore(kept);
  look();
  compare(vm, 'after the rewind');
  const [snapshot, rewound] = [counterOf(kept), counterOf(vm)];
  const memoryIsSnapshot = same(allOf(vm), allOf(kept));
  const threads = vm.shared ? 2 : 1;
  post('end', {
    threads,
    first,
    snapshot,
    second,
    rewound,
    changedPages,
    memoryIsSnapshot,
    harvests,
  });
}

/** Each vCPU on a worker: answers what starts them all and waits for them all. */
function onWorkers(vm) {
  const workers = [0, 1].map(
    () => new Worker(new URL('./vcpu.js', import.meta.url), { type: 'module' }),
  );
  const runOne = (worker, id, colour) =>
    new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => reject(new Error(`vCPU ${id}: ${event.message}`));
      worker.postMessage({ handle: vm.handle, id, colour });
    });
  return (colour) => Promise.all(workers.map((worker, id) => runOne(worker, id, colour)));
}

/** Both vCPUs on this thread, by turns; between two rounds of turns the log may be looked at. */
function byTurns(vm) {
  const vcpus = [vm.vcpu(0), vm.vcpu(1)];
  return async (colour) => {
    const runs = vcpus.map((vcpu, id) => run(vcpu, id, colour));
    while (runs.map((one) => one.next().done).includes(false)) await sleep(FRAME_MS);
  };
}

/** Calls `look` at every frame until `guest` is done, and once then. */
async function whileIt(guest, look) {
  let isDone = false;
  const done = guest.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await Promise.race([done, sleep(FRAME_MS)]);
    look();
  }
  await done;
}

/** Bands of lines that the pages cover; pages of other memory are not on the screen. */
function bands(pages) {
  const found = [];
  for (const page of pages) {
    const from = page * PAGE - FRAME_BUFFER;
    if (from < 0 || from >= SCREEN) continue;
    const top = Math.floor(from / LINE);
    const bottom = Math.min(HEIGHT, Math.ceil((from + PAGE) / LINE));
    const last = found.at(-1);
    if (last !== undefined && top <= last.bottom) last.bottom = bottom;
    else found.push({ top, bottom });
  }
  return found;
}

function drawBand(vm, { top, bottom }) {
  const pixels = new Uint8ClampedArray((bottom - top) * LINE);
  vm.readBytes(FRAME_BUFFER + top * LINE, new Uint8Array(pixels.buffer));
  post('draw', { top, pixels }, [pixels.buffer]);
}

/** Messages arrive in order: the page compares when it has drawn what came before. */
function compare(vm, name) {
  const pixels = new Uint8Array(SCREEN);
  vm.readBytes(FRAME_BUFFER, pixels);
  post('compare', { name, pixels }, [pixels.buffer]);
}

/** Of a VM or of a snapshot: both read alike. */
function counterOf(memory) {
  const bytes = new Uint8Array(4);
  memory.readBytes(COUNTER, bytes);
  return new DataView(bytes.buffer).getInt32(0, true);
}

function allOf(memory) {
  const bytes = new Uint8Array(MEMORY + SCREEN_SLOT);
  memory.readBytes(0, bytes.subarray(0, MEMORY));
  memory.readBytes(FRAME_BUFFER, bytes.subarray(MEMORY));
  return bytes;
}

const same = (a, b) => a.every((byte, index) => byte === b[index]);
