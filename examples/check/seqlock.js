// A sequence lock: the writer makes the number odd while it writes, the reader reads again if the number was odd or has
// changed. The data is read and written with Atomics, as JavaScript's memory model asks. Holds.
//
//     faultline check examples/check/seqlock.js
const sequence = new Int32Array(new SharedArrayBuffer(4));
const data = new Int32Array(new SharedArrayBuffer(8));

function write(value) {
  Atomics.add(sequence, 0, 1);
  Atomics.store(data, 0, value);
  Atomics.store(data, 1, value);
  Atomics.add(sequence, 0, 1);
}

function read() {
  let before;
  let pair;
  do {
    before = Atomics.load(sequence, 0);
    pair = `${Atomics.load(data, 0)} ${Atomics.load(data, 1)}`;
  } while (before % 2 === 1 || Atomics.load(sequence, 0) !== before);
  return pair;
}

export const threads = {
  writer() {
    write(1);
    write(2);
  },
  reader: () => read(),
};

export const observe = ({ reader }) => reader;

export const properties = {
  sometimes: {
    'the writer is half done': () => data[0] !== data[1],
  },
  finally: {
    'the reader sees both halves of one write': ({ reader }) => {
      const [first, second] = reader.split(' ');
      return first === second;
    },
  },
};
