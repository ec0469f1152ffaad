import { describe, expect, it } from 'vitest';
import type { Channel } from './channel.ts';
import { type Port, portChannel } from './port-channel.ts';

const pair = (): [Channel, Channel] => {
  const { port1, port2 } = new MessageChannel();
  return [portChannel(port1 as Port), portChannel(port2 as Port)];
};

async function drained(channel: Channel): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of channel.receive()) bytes.push(...chunk);
  return bytes;
}

describe('a MessagePort as a channel', () => {
  it('brings bytes in order, and ends when the other side closes', async () => {
    const [here, there] = pair();
    const received = drained(there);
    for (const bytes of [[1, 2], [3], [4, 5]]) await here.send(Uint8Array.from(bytes));
    here.close();
    expect(await received).toEqual([1, 2, 3, 4, 5]);
  });

  it('holds the sender back until the other side has taken what it sent', async () => {
    const [here, there] = pair();
    let isTaken = false;
    const sent = here.send(Uint8Array.of(1)).then(() => {
      isTaken = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isTaken).toBe(false);
    const received = drained(there);
    await sent;
    here.close();
    expect(await received).toEqual([1]);
  });

  it('lets the sender use its buffer again', async () => {
    const [here, there] = pair();
    const received = drained(there);
    const bytes = Uint8Array.of(1);
    const sent = here.send(bytes);
    bytes[0] = 9;
    await sent;
    here.close();
    expect(await received).toEqual([1]);
  });

  it.each(['here', 'there'] as const)('settles what waits when it is closed %s', async (end) => {
    const [here, there] = pair();
    const sent = here.send(Uint8Array.of(1));
    const received = drained(here);
    (end === 'here' ? here : there).close();
    await expect(sent).rejects.toThrow('the port is closed');
    expect(await received).toEqual([]);
    await expect(here.send(Uint8Array.of(2))).rejects.toThrow('the port is closed');
  });
});
