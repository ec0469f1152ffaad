// Two vCPUs on two threads count in one word of guest memory: by atomic additions, and by a load and a store as a guest
// does that forgot its lock.
//
//   node examples/machine/two-vcpus-one-counter.js [additions]
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { connectVcpu, createVm } from 'faultline/machine';

const READY = 0x0000; // words of the guest's memory
const ATOMIC = 0x1000;
const PLAIN = 0x2000;

if (isMainThread) await owner(Number(process.argv[2] ?? 1_000_000));
else guest(workerData);

function guest({ handle, id, additions }) {
  const vcpu = connectVcpu(handle, id);
  const meet = (count) => {
    vcpu.atomicAdd32(READY, 1);
    while (vcpu.read32(READY) < count) vcpu.fence();
  };
  meet(2);
  for (let count = 0; count < additions; count++) vcpu.atomicAdd32(ATOMIC, 1);
  meet(4);
  for (let count = 0; count < additions; count++) vcpu.write32(PLAIN, vcpu.read32(PLAIN) + 1);
  vcpu.disconnect(); // a thread that ended in the guest would be waited for
  parentPort.postMessage('done');
}

async function owner(additions) {
  const vm = createVm({ memory: 1 << 20, vcpus: 2, shared: true });
  await Promise.all(
    [0, 1].map((id) => {
      const data = { handle: vm.handle, id, additions };
      const worker = new Worker(new URL(import.meta.url), { workerData: data });
      return new Promise((resolve, reject) =>
        worker.once('message', resolve).once('error', reject),
      );
    }),
  );
  const word = (gpa) => {
    const bytes = new Uint8Array(4);
    vm.readBytes(gpa, bytes);
    return new DataView(bytes.buffer).getInt32(0, true);
  };
  console.log(`two vCPUs, ${additions} additions each`);
  console.log(`atomicAdd32:        ${word(ATOMIC)}`);
  console.log(`read32 and write32: ${word(PLAIN)}, ${2 * additions - word(PLAIN)} lost`);
  if (word(ATOMIC) !== 2 * additions) {
    console.error(`expected ${2 * additions} by atomicAdd32`);
    process.exitCode = 1;
  }
}
