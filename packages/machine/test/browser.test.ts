// The library in a real browser: the example's page, cross-origin isolated and not, on Debian's chromium.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CHROMIUM = '/usr/bin/chromium';
const isBuilt = existsSync(`${ROOT}dist/browser/machine.js`);
const isThere = existsSync(CHROMIUM);
const missing = [
  !isBuilt && 'dist: npm run build',
  !isThere && `${CHROMIUM}: apt install chromium`,
];
const skipped = missing.filter(Boolean).join('; ');

/** What the page found, by examples/browser/page.js. */
interface Found {
  readonly why?: string;
  readonly failures: string[];
  readonly screens: Record<string, boolean>;
  readonly [count: string]: unknown;
}

const servers: ChildProcess[] = [];

/** Starts the example's server, and answers the URL that it prints. */
async function serve(...options: string[]): Promise<string> {
  const args = ['examples/browser/server.js', '--port', '0', ...options];
  const server = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  servers.push(server);
  const [line] = await once(server.stdout, 'data');
  return `${line}`.trim();
}

describe.skipIf(skipped !== '')(
  `a page in a browser${skipped && ` (skipped without ${skipped})`}`,
  () => {
    let browser: Browser;

    beforeAll(async () => {
      const args = ['--no-sandbox', '--headless=new'];
      browser = await chromium.launch({ executablePath: CHROMIUM, args });
    });

    afterAll(async () => {
      await browser?.close();
      for (const server of servers) server.kill();
    });

    /** Loads the page, waits until it is done; what it found, and what it says. */
    async function visit(url: string): Promise<{ found: Found; text: string }> {
      const page = await browser.newPage();
      await page.goto(url);
      await page.waitForFunction(() => document.title !== 'running', undefined, {
        timeout: 50_000,
      });
      const found = await page.evaluate('faultlineExample');
      const text = await page.innerText('pre');
      await page.close();
      return { found: found as Found, text };
    }

    const SCREENS = {
      'after the first run': true,
      'after the second run': true,
      'after the rewind': true,
    };
    const COUNTS = {
      first: 2_000_000,
      second: 4_000_000,
      memoryIsSnapshot: true,
      screens: SCREENS,
    };

    it('that is cross-origin isolated runs two vCPUs on two workers', async () => {
      const { found, text } = await visit(await serve());
      expect(found).toMatchObject({ failures: [], threads: 2, ...COUNTS });
      expect(found.why).toBeUndefined();
      expect(found.rewound).toBe(found.snapshot);
      expect(text).toMatch(/^2 threads, .*All as it should be\.\n?$/s);
    });

    it('that is not says what is missing, and runs both on one thread', async () => {
      const { found, text } = await visit(await serve('--no-isolation'));
      expect(found).toMatchObject({ failures: [], threads: 1, ...COUNTS });
      expect(text).toMatch(
        /^expected a host whose threads can share memory, .*Cross-Origin-Opener/s,
      );
      expect(text).toContain('One thread, ');
    });

    it('gets no file but those of the example and the bundle', async () => {
      const url = await serve();
      for (const path of ['/package.json', '/examples/browser/%2e%2e/%2e%2e/package.json']) {
        expect((await fetch(new URL(path, url))).status).toBe(404);
      }
    });
  },
);
