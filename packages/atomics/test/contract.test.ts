import { createAlone } from '../src/alone.ts';
import { drive, record } from '../src/logged.ts';
import { connectThread, createSharedMemory } from '../src/threads.ts';
import { contract } from './contract.ts';
import { impatient } from './impatient.ts';

contract('on threads', {
  make: (size) => impatient(connectThread(createSharedMemory(size), 0)),
  run: (body, mem) => body(mem),
});
contract('alone', { make: createAlone, run: (body, mem) => body(mem) });
contract('recorded', { make: createAlone, run: (body, mem) => record(body, mem).result });
contract('answered from a log', { make: createAlone, run: drive });
