// A busy guest, and a snapshot of all its memory every so often: the last few are kept, the oldest goes. Pages that did not
// change are in one frame for all of them. In the end the oldest is restored, and compared with what it was.
//
//   node examples/machine/snapshots-per-second.js [MiB] [snapshots] [ms between them] [kept]
import { createVm } from 'faultline/machine';

const [mib = 256, snapshots = 10, pause = 1000, kept = 5] = process.argv.slice(2).map(Number);
const PAGE = 4096;
const pages = (mib * 2 ** 20) / PAGE;

// Frames for what the snapshots keep beside the guest's own: all its pages once, and what changes until the oldest goes.
const vm = createVm({ memory: pages * PAGE, spareFrames: 2 * pages });
const vcpu = vm.vcpu(0);
for (let page = 0; page < pages; page++) vcpu.write32(page * PAGE, page);

// The guest stores to a twentieth of its pages again and again, and to any page now and then.
let seed = 1;
const random = (below) => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
};
let stores = 0;
function runFor(ms) {
  for (const until = performance.now() + ms; performance.now() < until; ) {
    for (let count = 0; count < 1000; count++, stores++) {
      const page = stores % 5000 === 0 ? random(pages) : random(pages / 20);
      vcpu.write32(page * PAGE + 4 * random(1024), stores);
    }
  }
}

/** A sum over a thousand pages, which changes when they do. */
function digest(read) {
  let sum = 0;
  const bytes = new Uint8Array(PAGE);
  for (let page = 0; page < pages; page += Math.max(1, pages >> 10)) {
    read(page * PAGE, bytes);
    for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0;
  }
  return sum;
}

const ring = [];
for (let count = 1; count <= snapshots; count++) {
  runFor(pause);
  const from = performance.now();
  const snapshot = vm.snapshot();
  const ms = performance.now() - from;
  ring.push({ snapshot, digest: digest(snapshot.readBytes) });
  if (ring.length > kept) ring.shift().snapshot.release();
  console.log(
    `snapshot ${count}: ${snapshot.changed} of ${pages} pages changed, ${ms.toFixed(1)} ms, ` +
      `${ring.length} kept in ${(vm.snapshotBytes / 2 ** 20).toFixed(1)} MiB`,
  );
}

const oldest = ring[0];
runFor(pause);
const changed = vm.restore(oldest.snapshot);
const found = digest((gpa, into) => vm.readBytes(gpa, into));
console.log(`the oldest restored: ${changed} pages`);
if (found !== oldest.digest || changed === 0) {
  console.error('expected memory to be what it was when the oldest snapshot was taken');
  process.exitCode = 1;
}
