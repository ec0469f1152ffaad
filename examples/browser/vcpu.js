// A vCPU on a worker of its own. Between two runs it is outside the guest: nobody waits for it there.
import { connectVcpu } from '../../dist/browser/machine.js';
import { run } from './guest.js';

let vcpu;

self.onmessage = ({ data: { handle, id, colour } }) => {
  vcpu ??= connectVcpu(handle, id);
  for (const _ of run(vcpu, id, colour));
  vcpu.leave();
  self.postMessage('done');
};
