// Serves the page with the two headers that give it SharedArrayBuffer.
//
//   node examples/browser/server.js [--port 8080] [--no-isolation]
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const ROOT = new URL('../../', import.meta.url);
const PAGE = '/examples/browser/';
const SERVED = /^\/(?:examples|dist)\/browser\/[\w-]+\.(html|js)$/; // no dots, hence no way up
const TYPES = { html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8' };
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const { port, isolation } = readOptions();
const server = createServer(async ({ url }, response) => {
  const { status, headers, body } = await answer(new URL(url, 'http://localhost').pathname);
  response.writeHead(status, { ...headers, ...(isolation && ISOLATION) }).end(body);
});
server.on('error', ({ code, message }) => {
  const got =
    code === 'EADDRINUSE' ? 'one in use; usual cause: another server, try --port 0' : message;
  fail(`expected port ${port} to be free, got ${got}`);
});
server.listen(port, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}${PAGE}`);
});

async function answer(path) {
  if (path === '/') return { status: 302, headers: { Location: PAGE } };
  const file = path === PAGE ? `${PAGE}index.html` : path;
  const [, extension] = SERVED.exec(file) ?? [];
  const body = extension && (await readFile(new URL(`.${file}`, ROOT)).catch(() => undefined));
  if (body) return { status: 200, headers: { 'Content-Type': TYPES[extension] }, body };
  const hint = file.startsWith('/dist/') ? ' (not built? npm run build)' : '';
  return { status: 404, headers: { 'Content-Type': 'text/plain' }, body: `no ${file}${hint}\n` };
}

function readOptions() {
  const options = { port: { type: 'string' }, 'no-isolation': { type: 'boolean' } };
  try {
    const { values } = parseArgs({ options });
    const wanted = Number(values.port ?? 8080);
    if (!(Number.isInteger(wanted) && wanted >= 0 && wanted <= 65_535)) {
      fail(`expected a port of 0 to 65535, got ${values.port}`);
    }
    return { port: wanted, isolation: !values['no-isolation'] };
  } catch ({ message }) {
    return fail(`${message}; known: --port N, --no-isolation`);
  }
}

function fail(message) {
  console.error(`server.js: ${message}`);
  process.exit(3);
}
