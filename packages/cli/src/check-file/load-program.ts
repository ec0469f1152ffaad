// A program to check out of a file that knows nothing of it: functions over typed arrays and Atomics, as workers run them.
import { basename, resolve } from 'node:path';
import type { Run, Shared, Step } from '@faultline/atomics';
import type { Program, Thread } from '@faultline/checker';
import { InputError } from '../exit.ts';
import { type Exported, readExports, type Thunk } from './exported.ts';
import { Graph, type Instance } from './graph.ts';
import { identifier } from './loop-claims.ts';
import { namedWords } from './names.ts';
import { makeRealm } from './realm.ts';
import { usersLine } from './site.ts';
import { World } from './world.ts';

export const loadProgram = async (file: string): Promise<Program> =>
  (await loadFiles(file)).program;

/** Reads a .js, .mjs, .ts or .mts file and what it imports. Throws an InputError that says what is wrong, and where. */
export async function loadFiles(
  file: string,
): Promise<{ readonly program: Program; readonly files: readonly string[] }> {
  const path = resolve(file);
  const world = new World();
  const graph = await Graph.load(path, world, makeRealm(world));
  const instances = firstEvaluation(world, graph);
  const exported = readExports(path, entryOf(instances, graph).exports);
  const words = namedWords(instances, world.buffers, exported.words);
  const setup = world.initialWords();
  const threads = threadsOf(world, graph, exported);
  const program: Program = {
    name: basename(path),
    threads,
    setup: (mem) => {
      for (const { address, low } of setup) mem.store32(address, low);
    },
    words,
    ...propertiesOf(world, exported),
    idle: exported.idle,
    symmetric: exported.symmetric,
    dataRaces: exported.dataRaces,
    ...(exported.oops !== undefined && { oops: exported.oops }),
  };
  return { program, files: [...world.files] };
}

function firstEvaluation(world: World, graph: Graph): readonly Instance[] {
  try {
    return world.evaluate(() => graph.evaluate());
  } catch (error) {
    if (error instanceof InputError) throw error;
    const own = world.ownError(error);
    const stack = own instanceof Error ? (own.stack ?? '') : '';
    const said = own instanceof Error ? `${own.name}: ${own.message}` : String(own);
    throw new InputError(
      `${usersLine(stack, world.files) ?? graph.entry}: expected a file that can be evaluated, got ${said}`,
    );
  }
}

const entryOf = (instances: readonly Instance[], { entry }: Graph): Instance =>
  instances.find(({ source }) => source.path === entry) as Instance;

/** Names that stand for one function stand for one thread's code: such threads may be called symmetric. */
function threadsOf(world: World, graph: Graph, exported: Exported): Record<string, Thread> {
  const byFunction = new Map<Thunk, Thread>();
  const threads: Record<string, Thread> = {};
  for (const [name, thunk] of Object.entries(exported.threads)) {
    const thread = byFunction.get(thunk) ?? threadOf(world, graph, name);
    byFunction.set(thunk, thread);
    threads[name] = thread;
  }
  return threads;
}

/** Each run evaluates the files anew, and so begins with a function that nobody has called. */
function threadOf(world: World, graph: Graph, name: string): Thread {
  const identify = identifier();
  const begin = (): Thunk => {
    const { exports } = entryOf(graph.evaluate(), graph);
    return (exports.threads as Record<string, Thunk>)[name] as Thunk;
  };
  return { run: (log: readonly Step[]): Run<unknown> => world.run(begin, log, identify) };
}

function propertiesOf(
  world: World,
  exported: Exported,
): Pick<Program, 'always' | 'sometimes' | 'finally' | 'observe'> {
  const { always, sometimes, finally: atEnd, observe } = exported;
  const asked =
    (thunk: Thunk) =>
    (mem: Shared, ...rest: unknown[]): unknown =>
      world.read(mem, () => thunk(...rest));
  const all = (thunks: Readonly<Record<string, Thunk>>) =>
    Object.fromEntries(
      Object.entries(thunks).map(([name, thunk]) => [
        name,
        (mem: Shared, ...rest: unknown[]) => Boolean(asked(thunk)(mem, ...rest)),
      ]),
    );
  return {
    always: all(always),
    sometimes: all(sometimes),
    finally: all(atEnd),
    ...(observe !== undefined && { observe: asked(observe) }),
  };
}
