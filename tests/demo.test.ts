/** What a newcomer sees first: `npm run demo`, as a program. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Brood, expectNoLeftovers, startBrood, startProcess } from './support/processes.ts';
import { bySize } from './support/tier.ts';
import { settles } from './support/wait-for.ts';

const demoScript = fileURLToPath(new URL('../scripts/demo.mjs', import.meta.url));
let out: string;
let brood: Brood;

beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'flame-out-'));
  brood = startBrood();
});
afterEach(() => rm(out, { recursive: true, force: true }));

/** In a process group of its own, as a terminal starts it. */
const startDemo = (closures = false) =>
  startProcess('setsid', [process.execPath, demoScript, out, ...(closures ? ['--closures'] : [])], {
    env: { ...brood.env, REDIS_URL: undefined, FLAME_REDIS_URL: undefined, INIT_CWD: undefined },
  });

const ways = [
  { way: 'a named function', closures: false },
  { way: 'closures', closures: true },
];

test.each(bySize({ push: ways.slice(0, 1), nightly: ways }))(
  'the demo with $way resizes every photograph on runners that go 0 → n → 0, shows the one bad picture, and leaves no process',
  async ({ closures }) => {
    const demo = await startDemo(closures);
    const exit = await settles(demo.exited, { what: 'the demo', timeoutMs: 170_000 }).finally(() => demo.stop());
    expect(exit, demo.output()).toEqual({ code: 0, signal: null });

    expect(demo.output()).toMatch(/Runners +0 → [1-3] → 0/);
    expect(demo.output()).toMatch(/30: 24 pictures, 6 refused/);
    expect(demo.output()).toMatch(/Unreadable +truncated\.jpg: UnreadableImageError: 400 bytes/);

    const pictures = (await readdir(out)).filter((name) => name.endsWith('.webp'));
    expect(pictures).toHaveLength(24);
    const bytes = await readFile(join(out, 'chelsea-240.webp'));
    expect(bytes.subarray(8, 12).toString('latin1')).toBe('WEBP');
    const sheet = await readFile(join(out, 'index.html'), 'utf8');
    expect(sheet.match(/<figure>/g)).toHaveLength(24);
    expect(sheet).toContain('<strong>UnreadableImageError</strong>');
    await expectNoLeftovers(brood);
  },
  180_000,
);

// Early and late: while the first runner boots, and in the middle of the work.
test.each(bySize({ push: [/is ready/], nightly: [/pool "images"/, / starts/, /is ready/, /24\/30/, /Waiting for/] }))(
  'Ctrl-C at %s ends the demo with code 130 and leaves no process',
  async (moment) => {
    const demo = await startDemo();
    try {
      await demo.waitForOutput(moment, 120_000);
      // Ctrl-C reaches the whole group.
      process.kill(-demo.pid, 'SIGINT');
      const exit = await settles(demo.exited, { what: 'the end of the demo' });
      expect(exit, demo.output()).toEqual({ code: 130, signal: null });
    } finally {
      await demo.stop();
    }
    await expectNoLeftovers(brood);
  },
  180_000,
);
