// A guest that paints rectangles into a 1024 x 768 frame buffer of 32-bit pixels: one page is a quarter of four lines.
import { PAGE_WORDS } from '@faultline/mmu';
import type { Region } from '../machine.ts';
import type { Guest, GuestProgram } from './guest.ts';
import { randomSource } from './random.ts';

const WIDTH = 1024;
const HEIGHT = 768;
/** Pages of the whole screen. */
export const FRAME_BUFFER_PAGES: number = (WIDTH * HEIGHT) / PAGE_WORDS;

/** One touch is one line of one rectangle; pixels of other vCPUs are left out. */
export const framebuffer = (guest: Guest): GuestProgram => {
  const [region] = guest.regions as readonly [Region];
  const next = randomSource(guest.id);
  let left = 0;
  let x = 0;
  let y = 0;
  let width = 0;
  return {
    run(count) {
      for (let touch = 0; touch < count; touch++) {
        if (left === 0) {
          left = 8 + next(40);
          width = 32 + next(64);
          x = next(WIDTH - width);
          y = next(HEIGHT - left);
        }
        paintLine(guest, region, y * WIDTH + x, width);
        y++;
        left--;
      }
    },
  };
};

function paintLine(guest: Guest, region: Region, first: number, width: number): void {
  for (let pixel = first; pixel < first + width; pixel++) {
    if (pixel % guest.vcpus !== guest.id) continue;
    const page = Math.floor(pixel / PAGE_WORDS);
    guest.stamp(region.gfn + page, region.hvn + page, pixel % PAGE_WORDS);
  }
}
