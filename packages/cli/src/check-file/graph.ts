// The file and all that it imports: loaded once, evaluated as often as somebody asks. Each run of a thread has an evaluation
// of its own, so that what a file keeps outside shared memory is a thread's own, as it is in a worker.
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Context } from 'node:vm';
import { complaint } from './complaint.ts';
import { effectsOf } from './effects.ts';
import { collection } from './live-value.ts';
import { COLLECTION, COUNT, LOOP } from './loops.ts';
import { IMPORT_META, NAMESPACE } from './module-shape.ts';
import { builtIn, resolved } from './resolve.ts';
import { ANNOUNCE, compile, type Evaluate, readSource, type Scope, type Source } from './source.ts';
import type { World } from './world.ts';

type Getters = Readonly<Record<string, () => unknown>>;

/** A file after one evaluation. */
export interface Instance {
  readonly source: Source;
  /** Every binding of its top level. */
  readonly bindings: Getters;
  readonly exports: Scope;
}

interface Module {
  readonly source: Source;
  /** What each request stands for: the path of a file, or the exports of a module of Node. */
  readonly requests: ReadonlyMap<string, string | Scope>;
  readonly evaluate: Evaluate;
}

export class Graph {
  readonly #world: World;
  /** By path, in the order of evaluation. */
  readonly #modules: ReadonlyMap<string, Module>;
  readonly #entry: string;

  private constructor(world: World, entry: string, modules: ReadonlyMap<string, Module>) {
    this.#world = world;
    this.#entry = entry;
    this.#modules = modules;
  }

  static async load(path: string, world: World, realm: Context): Promise<Graph> {
    const sources = new Map<string, Source>();
    const requests = new Map<string, Map<string, string | Scope>>();
    const visit = async (file: string): Promise<void> => {
      if (requests.has(file)) return;
      const asked = new Map<string, string | Scope>();
      requests.set(file, asked);
      world.files.add(file);
      const source = await readSource(file);
      for (const { from, line } of source.shape.requests) {
        const found = builtIn(from) ?? resolved(from, file, line);
        asked.set(from, found);
        if (typeof found === 'string') await visit(found);
      }
      sources.set(file, source);
    };
    await visit(path);
    const effects = effectsOf([...sources.values()].map(({ tree }) => tree));
    const modules = [...sources].map(([file, source]): [string, Module] => {
      const evaluate = compile(source, effects)(realm);
      return [file, { source, requests: requests.get(file) ?? new Map(), evaluate }];
    });
    return new Graph(world, path, new Map(modules));
  }

  /** Evaluates every file anew; the entry comes last. */
  evaluate(): readonly Instance[] {
    const instances = new Map<string, Instance>();
    const started: Generator<undefined, void>[] = [];
    for (const [path, module] of this.#modules) {
      const exports = Object.create(null) as Scope;
      let bindings: Getters = {};
      const scope = this.#scope(module, instances);
      scope[ANNOUNCE] = (bound: Getters, exported: Getters) => {
        bindings = bound;
        for (const [name, get] of Object.entries(exported)) defineGetter(exports, name, get);
      };
      const generator = module.evaluate(scope)();
      generator.next();
      instances.set(path, { source: module.source, bindings, exports });
      started.push(generator);
    }
    for (const [path, module] of this.#modules) this.#addReexports(path, module, instances);
    for (const [path, module] of this.#modules) this.#checkImports(path, module, instances);
    for (const generator of started) generator.next();
    return [...instances.values()];
  }

  /** Of the file that was asked for. */
  get entry(): string {
    return this.#entry;
  }

  /** The imports of a file, read when its code reads them, and the hooks of its loops. */
  #scope({ source, requests }: Module, instances: ReadonlyMap<string, Instance>): Scope {
    const scope = Object.create(null) as Scope;
    scope[LOOP] = (loop: number) => this.#world.enterLoop(`${source.path} ${loop}`);
    scope[COLLECTION] = collection;
    scope[COUNT] = () => this.#world.countLoop();
    const { path } = source;
    scope[IMPORT_META] = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
    for (const { local, from, name } of source.shape.imports) {
      defineGetter(scope, local, () => imported(exportsOf(requests, from, instances), name));
    }
    return scope;
  }

  #addReexports(
    path: string,
    { source, requests }: Module,
    instances: ReadonlyMap<string, Instance>,
  ): void {
    const exports = instances.get(path)?.exports ?? {};
    for (const { as, from, name } of source.shape.reexports) {
      defineGetter(exports, as, () => imported(exportsOf(requests, from, instances), name));
    }
    for (const from of source.shape.stars) {
      const others = exportsOf(requests, from, instances);
      for (const name of Object.keys(others)) {
        if (name !== 'default' && !(name in exports))
          defineGetter(exports, name, () => others[name]);
      }
    }
  }

  #checkImports(
    path: string,
    { source, requests }: Module,
    instances: ReadonlyMap<string, Instance>,
  ): void {
    for (const { from, name, line } of [...source.shape.imports, ...source.shape.reexports]) {
      const exports = exportsOf(requests, from, instances);
      if (name === NAMESPACE || name in exports) continue;
      throw complaint(
        { path, line },
        `${from} to export one of ${Object.keys(exports).join(', ')}`,
        name,
        'a type imported without `type`',
      );
    }
  }
}

function exportsOf(
  requests: ReadonlyMap<string, string | Scope>,
  from: string,
  instances: ReadonlyMap<string, Instance>,
): Scope {
  const found = requests.get(from);
  return typeof found === 'string' ? (instances.get(found)?.exports ?? {}) : (found ?? {});
}

const imported = (exports: Scope, name: string): unknown =>
  name === NAMESPACE ? exports : exports[name];

const defineGetter = (object: object, name: string, get: () => unknown): void => {
  Object.defineProperty(object, name, { get, enumerable: true, configurable: true });
};
