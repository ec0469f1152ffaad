// A guest that counts moves to another thread while it runs. In a page it is the same: MessagePorts and workers are, and any
// other pair of functions that move bytes (a WebSocket, a WebRTC channel) is a Channel too.
//
//   node examples/machine/migrate-to-a-worker.js [MIB]
import { isMainThread, MessageChannel, Worker, workerData } from 'node:worker_threads';
import { createVm, portChannel, receiveVm } from 'faultline/machine';

const MIB = Number(process.argv[2] ?? 64);
const PAGE = 4096;

/** A processor with one register: stores its count to one page after the other, a few at a time. */
class Counter {
  constructor(vm, count) {
    this.vcpu = vm.vcpu(0);
    this.pages = vm.slots.list()[0].bytes / PAGE;
    this.count = count;
  }
  run() {
    for (let store = 0; store < 200; store++) {
      this.vcpu.write32((this.count % this.pages) * PAGE, this.count);
      this.count++;
    }
    this.vcpu.leave(); // outside the guest until the next slice
    this.next = setTimeout(() => this.run(), 1);
  }
  stop() {
    clearTimeout(this.next);
    return Uint8Array.from(new Uint8Array(new Float64Array([this.count]).buffer)); // its register
  }
}

async function leave() {
  const vm = createVm({ memory: MIB * 2 ** 20 });
  const counter = new Counter(vm, 0);
  counter.run();
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL(import.meta.url), { workerData: port2, transferList: [port2] });
  const info = await vm.migrate([portChannel(port1)], {
    stop: () => counter.stop(),
    resume: () => counter.run(),
  });
  console.log(`pages sent: ${info.rounds.join(' + ')}`);
  console.log(
    `stood still for ${info.downtime.toFixed(1)} ms, ${info['verify-time'].toFixed(1)} of which both sides compared`,
  );
  worker.once('message', (there) => {
    console.log(`here it counted to ${counter.count}, there it goes on: ${there.join(', ')}`);
  });
}

async function arrive(port) {
  const { parentPort } = await import('node:worker_threads');
  const { vm, state, handedOver } = await receiveVm({ accept: async () => portChannel(port) });
  if (!handedOver) throw new Error('expected the guest, got all of it and no word that it is ours');
  const counter = new Counter(vm, new Float64Array(state.buffer)[0]);
  const last = counter.count - 1;
  const found = counter.vcpu.read32((last % counter.pages) * PAGE);
  if (found !== last) throw new Error(`expected the last count ${last} in memory, got ${found}`);
  counter.run();
  const went = counter.count;
  counter.stop();
  parentPort.postMessage([last + 1, went]);
}

await (isMainThread ? leave() : arrive(workerData));
