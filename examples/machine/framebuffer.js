// A frame buffer in a slot of its own. A client of the dirty log says which pages the guest has drawn on, and only their
// lines go to the screen.
//
//   node examples/machine/framebuffer.js
import { createVm } from 'faultline/machine';

const WIDTH = 320;
const HEIGHT = 200;
const LINE = 4 * WIDTH;
const PAGE = 4096;
const FRAME_BUFFER = 0xe000_0000;
const BYTES = Math.ceil((LINE * HEIGHT) / PAGE) * PAGE;
const MEMORY = 1 << 20;

const vm = createVm({
  memory: MEMORY + BYTES,
  slots: [
    { id: 0, gpa: 0, bytes: MEMORY, offset: 0 },
    { id: 1, gpa: FRAME_BUFFER, bytes: BYTES, offset: MEMORY },
  ],
});
const vcpu = vm.vcpu(0);
const dirty = vm.dirtyClient('screen');
const screen = new Uint8Array(LINE * HEIGHT);

/** The guest: draws a box, and counts in its other memory. */
function draw(frame, colour) {
  for (let y = 0; y < 16; y++) {
    for (let x = 0; x < 16; x++) {
      vcpu.write32(FRAME_BUFFER + (10 * frame + y) * LINE + 4 * (20 * frame + x), colour);
    }
  }
  vcpu.write32(0x1000, frame);
}

/** Bands of lines that the pages cover; pages of other memory are not on the screen. */
function bands(pages) {
  const found = [];
  for (const page of pages) {
    const from = page * PAGE - FRAME_BUFFER;
    if (from < 0 || from >= LINE * HEIGHT) continue;
    const top = Math.floor(from / LINE);
    const bottom = Math.min(HEIGHT, Math.ceil((from + PAGE) / LINE));
    const last = found.at(-1);
    if (last !== undefined && top <= last.bottom) last.bottom = bottom;
    else found.push({ top, bottom });
  }
  return found;
}

let copied = 0;
for (let frame = 0; frame < 8; frame++) {
  draw(frame, 0xff00_0000 | (frame * 0x10_1010));
  const changed = bands(dirty.take());
  for (const { top, bottom } of changed) {
    vm.readBytes(FRAME_BUFFER + top * LINE, screen.subarray(top * LINE, bottom * LINE));
    copied += (bottom - top) * LINE;
  }
  console.log(
    `frame ${frame}: lines ${changed.map(({ top, bottom }) => `${top} to ${bottom - 1}`).join(', ')}`,
  );
}
console.log(`${copied} bytes copied instead of ${8 * screen.length}`);

const whole = new Uint8Array(screen.length);
vm.readBytes(FRAME_BUFFER, whole);
if (!screen.every((byte, index) => byte === whole[index]) || copied * 4 > 8 * screen.length) {
  console.error(
    'expected the screen to show the frame buffer, with at most a quarter of it copied',
  );
  process.exitCode = 1;
}
