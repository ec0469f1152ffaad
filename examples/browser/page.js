// The page: starts the owner's worker, draws the lines that it is told of, and says what was found. A window's main thread
// may not sleep, so that the VM belongs to a worker; the page itself never touches guest memory.
//
// When all is over document.title is 'passed' or 'failed', and `faultlineExample` holds what was found.
import { whyNotShared } from '../../dist/browser/machine.js';
import { ADDITIONS, HEIGHT, WIDTH } from './guest.js';

const canvas = document.querySelector('canvas');
const context = canvas.getContext('2d', { willReadFrequently: true });
const print = (line) => {
  document.querySelector('pre').textContent += `${line}\n`;
};

const why = whyNotShared();
const found = { why, drawnBytes: 0, rectangles: 0, screens: {}, failures: [] };
const expect = (isSo, what) => {
  if (!isSo) found.failures.push(`expected ${what}`);
};

/** A dirty rectangle: the log knows lines of memory, so that it is as wide as the screen. */
function draw({ top, pixels }) {
  context.putImageData(new ImageData(pixels, WIDTH), 0, top);
  found.drawnBytes += pixels.length;
  found.rectangles++;
}

/** Is the canvas, drawn by dirty rectangles alone, what the frame buffer holds? */
function compare({ name, pixels }) {
  const { data } = context.getImageData(0, 0, WIDTH, HEIGHT);
  found.screens[name] = data.every((byte, index) => byte === pixels[index]);
  expect(found.screens[name], `the canvas to show the frame buffer ${name}`);
}

function end(counts) {
  Object.assign(found, counts);
  const { first, snapshot, second, rewound, threads } = counts;
  print(
    `${threads === 1 ? 'One thread' : `${threads} threads`}, ${ADDITIONS} additions by each of two vCPUs`,
  );
  print(`counter after the first run:      ${first}`);
  print(`in a snapshot of the second run:  ${snapshot}`);
  print(`after the second run:             ${second}`);
  print(`rewound to the snapshot:          ${rewound}, ${counts.changedPages} pages changed`);
  print(
    `${found.drawnBytes} bytes drawn in ${found.rectangles} rectangles, by ${counts.harvests} looks at the dirty log`,
  );
  expect(first === 2 * ADDITIONS, `${2 * ADDITIONS} after the first run, got ${first}`);
  expect(second === 4 * ADDITIONS, `${4 * ADDITIONS} after the second run, got ${second}`);
  expect(snapshot >= first && snapshot <= second, `a snapshot between both, got ${snapshot}`);
  expect(rewound === snapshot, `${snapshot} after the rewind, got ${rewound}`);
  expect(counts.memoryIsSnapshot, 'all memory to be as it was in the snapshot');
  finish();
}

function finish() {
  for (const failure of found.failures) print(failure);
  print(found.failures.length === 0 ? 'All as it should be.' : 'FAILED');
  globalThis.faultlineExample = found;
  document.title = found.failures.length === 0 ? 'passed' : 'failed';
}

function fail(message) {
  found.failures.push(message);
  finish();
}

if (why !== undefined) print(`${why}\n`);
const owner = new Worker(new URL('./owner.js', import.meta.url), { type: 'module' });
const heard = { draw, compare, end, fail: ({ message }) => fail(message) };
owner.onmessage = ({ data }) => heard[data.kind](data);
owner.onerror = (event) => fail(event.message ?? 'expected the owner to load, got an error');
