// A socket as a channel of a migration.
import type { Socket } from 'node:net';
import type { Channel } from '@faultline/machine';

export function socketChannel(socket: Socket): Channel {
  socket.on('error', () => {}); // whoever sends or receives is told
  return {
    send: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    receive: () => socket as AsyncIterable<Uint8Array>,
    close: () => void socket.destroy(),
  };
}
