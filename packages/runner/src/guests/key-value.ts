// A guest that is a key-value store: a hash table in guest memory, of which each vCPU has a shard in the words that are its
// own. It looks after itself: what it finds in memory is held against what it remembers, and at the end all of it.
//
//   a record, in eight own words:   key | version | five words of value | checksum of the seven
//
// A record that was never written is all zeros; a deleted one has version 0 and keeps its key, so that a search goes on past
// it. Linear probing.
import { PAGE_WORDS } from '@faultline/mmu';
import type { Region } from '../machine.ts';
import { type Guest, type GuestProgram, LostWrite } from './guest.ts';
import { randomSource } from './random.ts';

const RECORD = 8;
const CHECKSUM = RECORD - 1;
const STEPS = 1 << 20;
/** Of a hundred operations. */
const GETS = 50;
const DELETES = 10;

/** One touch is one operation: half of them gets, the others puts and deletes, of a few keys often and of most rarely. */
export const keyValue = (guest: Guest): GuestProgram => {
  const shard = new Shard(guest);
  const next = randomSource(guest.id);
  return {
    run(count) {
      for (let touch = 0; touch < count; touch++) {
        const rank = Math.floor((shard.keys + 1) ** (next(STEPS) / STEPS)); // Zipf: see writers.ts
        const key = 1 + ((Math.imul(rank, 0x9e37_79b1) >>> 0) % shard.keys);
        const kind = next(100);
        if (kind < GETS) shard.get(key);
        else if (kind < GETS + DELETES) shard.delete(key);
        else shard.put(key);
      }
    },
    finish: () => shard.checkAll(),
  };
};

class Shard {
  /** Keys are 1 to this: half as many as there is room for. */
  readonly keys: number;
  readonly #guest: Guest;
  readonly #region: Region;
  readonly #ownPerPage: number;
  readonly #buckets: number;
  /** By key: the version that was put last, 0 when there is none; and the bucket that the key has, -1 when none. */
  readonly #versions: Int32Array;
  readonly #places: Int32Array;
  #puts = 0;

  constructor(guest: Guest) {
    const [region] = guest.regions as readonly [Region];
    this.#guest = guest;
    this.#region = region;
    this.#ownPerPage = Math.floor(PAGE_WORDS / guest.vcpus);
    this.#buckets = Math.floor((region.npages * this.#ownPerPage) / RECORD);
    this.keys = Math.max(1, this.#buckets >> 1);
    this.#versions = new Int32Array(this.keys + 1);
    this.#places = new Int32Array(this.keys + 1).fill(-1);
  }

  get(key: number): void {
    const bucket = this.#find(key);
    const version = this.#versions[key] as number;
    if (bucket >= 0) this.#checkRecord(bucket, key, version);
  }

  put(key: number): void {
    const found = this.#find(key);
    const bucket = found >= 0 ? found : this.#firstFree(key);
    this.#puts = (this.#puts + 1) & 0x7fff_ffff;
    this.#write(bucket, key, this.#puts);
    this.#versions[key] = this.#puts;
    this.#places[key] = bucket;
  }

  delete(key: number): void {
    const bucket = this.#find(key);
    if (bucket < 0) return;
    this.#write(bucket, key, 0);
    this.#versions[key] = 0;
  }

  /** Every record is sound, and there are those that were put and no others. Throws a LostWrite. */
  checkAll(): void {
    for (let key = 1; key <= this.keys; key++) {
      const bucket = this.#places[key] as number;
      if (bucket >= 0) this.#checkRecord(bucket, key, this.#versions[key] as number);
    }
    for (let bucket = 0; bucket < this.#buckets; bucket++) {
      const key = this.#load(bucket, 0);
      if (key !== 0 && this.#places[key] !== bucket) {
        this.#lost(bucket, `no record of key ${key}`, 'one');
      }
    }
  }

  /** By what is in memory; -1 when the key is not there. Throws a LostWrite when it should be. */
  #find(key: number): number {
    let bucket = this.#home(key);
    for (let probe = 0; probe < this.#buckets; probe++) {
      const found = this.#load(bucket, 0);
      if (found === key) return bucket;
      if (found === 0) break;
      bucket = (bucket + 1) % this.#buckets;
    }
    const place = this.#places[key] as number;
    if (place >= 0) this.#lost(place, `the record of key ${key}`, 'none on its way from its home');
    return -1;
  }

  #firstFree(key: number): number {
    let bucket = this.#home(key);
    while (this.#load(bucket, 0) !== 0) bucket = (bucket + 1) % this.#buckets;
    return bucket;
  }

  #home(key: number): number {
    return (Math.imul(key, 0x85eb_ca6b) >>> 0) % this.#buckets;
  }

  #write(bucket: number, key: number, version: number): void {
    const record = recordOf(key, version);
    for (let word = 0; word < RECORD; word++) this.#store(bucket, word, record[word] as number);
  }

  #checkRecord(bucket: number, key: number, version: number): void {
    const expected = recordOf(key, version);
    for (let word = 0; word < RECORD; word++) {
      const got = this.#load(bucket, word);
      if (got === expected[word]) continue;
      const what = word === CHECKSUM ? 'checksum' : `word ${word}`;
      this.#lost(bucket, `${what} ${expected[word]} of key ${key} version ${version}`, `${got}`);
    }
  }

  #load(bucket: number, word: number): number {
    const own = bucket * RECORD + word;
    return this.#guest.load(this.#region.gfn + this.#page(own), this.#word(own));
  }

  #store(bucket: number, word: number, value: number): void {
    const own = bucket * RECORD + word;
    const page = this.#page(own);
    this.#guest.put(this.#region.gfn + page, this.#region.hvn + page, this.#word(own), value);
  }

  #page(own: number): number {
    return Math.floor(own / this.#ownPerPage);
  }

  #word(own: number): number {
    return (own % this.#ownPerPage) * this.#guest.vcpus + this.#guest.id;
  }

  #lost(bucket: number, expected: string, got: string): never {
    const gfn = this.#region.gfn + this.#page(bucket * RECORD);
    throw new LostWrite(
      `vCPU ${this.#guest.id} key-value record ${bucket}, gfn 0x${gfn.toString(16)}: expected ${expected}, got ${got}`,
    );
  }
}

/** The value follows from key and version, so that any record can be told to be right by itself. */
function recordOf(key: number, version: number): Int32Array {
  const record = new Int32Array(RECORD);
  record[0] = key;
  record[1] = version;
  for (let word = 2; word < CHECKSUM; word++) {
    record[word] = version === 0 ? 0 : Math.imul(key * word + 1, version ^ 0x27d4_eb2f);
  }
  let sum = 0x811c_9dc5;
  for (let word = 0; word < CHECKSUM; word++)
    sum = Math.imul(sum ^ (record[word] as number), 0x0100_0193);
  record[CHECKSUM] = sum;
  return record;
}
