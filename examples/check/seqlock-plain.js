// The sequence lock of seqlock.js with plain reads and writes of the data, as C programs have it. Broken: the reader may read
// while the writer writes. It would throw the values away, but in JavaScript (and in C) this is a data race already.
//
//     faultline check examples/check/seqlock-plain.js
const sequence = new Int32Array(new SharedArrayBuffer(4));
const data = new Int32Array(new SharedArrayBuffer(8));

function write(value) {
  Atomics.add(sequence, 0, 1);
  data[0] = value;
  data[1] = value;
  Atomics.add(sequence, 0, 1);
}

function read() {
  let before;
  let pair;
  do {
    before = Atomics.load(sequence, 0);
    pair = `${data[0]} ${data[1]}`;
  } while (before % 2 === 1 || Atomics.load(sequence, 0) !== before);
  return pair;
}

export const threads = {
  writer: () => write(1),
  reader: () => read(),
};

export const properties = {
  finally: {
    'the reader sees both halves of one write': ({ reader }) => {
      const [first, second] = reader.split(' ');
      return first === second;
    },
  },
};
