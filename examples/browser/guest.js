// What the guest does, whichever thread its vCPU runs on: counts, and draws.

export const WIDTH = 320;
export const HEIGHT = 200;
export const LINE = 4 * WIDTH;
export const MEMORY = 1 << 20; // bytes at gpa 0
export const FRAME_BUFFER = 0xe000_0000; // a slot of its own
export const COUNTER = 0x1000;
export const ADDITIONS = 1_000_000; // by each vCPU in each run

const BOX = 16;
const BOXES = 8;

/** One run of vCPU `id`: `ADDITIONS` additions to the counter that both share, and boxes down its half of the screen. */
export function* run(vcpu, id, colour) {
  for (let box = 0; box < BOXES; box++) {
    for (let count = 0; count < ADDITIONS / BOXES; count++) vcpu.atomicAdd32(COUNTER, 1);
    drawBox(vcpu, { x: id * (WIDTH / 2) + 18 * box, y: 20 * box, colour });
    yield; // where vCPUs of one thread take turns
  }
}

function drawBox(vcpu, { x, y, colour }) {
  for (let line = y; line < y + BOX; line++) {
    for (let dot = x; dot < x + BOX; dot++) {
      vcpu.write32(FRAME_BUFFER + line * LINE + 4 * dot, colour);
    }
  }
}
