/** The examples, as programs: one command each, and what they print and leave is looked at. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { read } from './docs/pages.ts';
import { expectNoLeftovers, startBrood, startNode } from './support/processes.ts';
import { bySize } from './support/tier.ts';
import { settles } from './support/wait-for.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
let out: string;
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'flame-examples-'));
});
afterAll(async () => {
  await rm(out, { recursive: true, force: true });
});

/** Straight after a clone: with a Redis that the command brings. */
const run = async (name: string): Promise<string> => {
  const brood = startBrood();
  await using program = await startNode(join(root, 'scripts/example.mjs'), {
    args: [name, out],
    env: { ...brood.env, REDIS_URL: undefined, FLAME_REDIS_URL: undefined },
  });
  const { code } = await settles(program.exited, { what: name, timeoutMs: 170_000 });
  expect(code, program.output()).toBe(0);
  await expectNoLeftovers(brood);
  return program.output();
};

/** Said before and after the workers have moved. */
const FROM_BULLMQ = [
  ...['mail to ann@example.com', 'mail to busy@example.com', 'mail to ben@example.com', 'nobody is no address'],
  ...['order of mail to cleo@example.com and thumbnail of 128 px', 'the digest goes out again and again'],
  'broken failed: nobody is no address',
];

/** What is looked at, by example. */
const LOOKS: Readonly<Record<string, (output: string) => void | Promise<void>>> = {
  'count-primes': (output) => {
    expect(output).toContain('78498 primes below 1000000');
    expect(output.match(/^ *\d+\/20 /gm)).toHaveLength(20);
  },
  'fastify-app': (output) => {
    const pings = /the work is done; (\d+) pings were answered meanwhile/.exec(output)?.[1];
    expect(Number(pings)).toBeGreaterThan(1);
    expect(output).toContain(
      '8 words, some of them after the connection was lost: you asked why and this is the answer',
    );
  },
  'nightly-report': (output) => {
    expect(output.match(/^report: \S+ {2}3 orders, 71\.8 euros$/gm)).toHaveLength(2);
  },
  'read-reviews': (output) => {
    const moods = [...output.matchAll(/^ *(-?\d\.\d) {2}(.*)$/gm)].map(([, mood, facts]) => [Number(mood), facts]);
    expect(moods).toHaveLength(6);
    expect(moods[0]?.[0]).toBeGreaterThan(0);
    expect(moods[1]?.[0]).toBeLessThan(0);
    expect(moods[2]?.[1]).toContain('3 May 2026');
    expect(output).toMatch(/6 reviews, and the model was loaded (once|2 times)/);
  },
  'transcode-video': async (output) => {
    const percents = [...output.matchAll(/^ *(\d+) %$/gm)].map(([, percent]) => Number(percent));
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(percents.at(-1)).toBe(100);
    // The mark of Matroska, which WebM is.
    const webm = await readFile(join(out, 'small.webm'));
    expect(webm.subarray(0, 4).toString('hex')).toBe('1a45dfa3');
    expect(webm.length).toBeLessThan((await readFile(join(out, 'clip.mkv'))).length);
  },
  'from-bullmq': (output) => {
    for (const line of FROM_BULLMQ) expect(output).toContain(line);
  },
  'html-to-pdf': async () => {
    const pdf = await readFile(join(out, 'invoice.pdf'), 'latin1');
    expect([pdf.slice(0, 5), pdf.trimEnd().slice(-5)]).toEqual(['%PDF-', '%%EOF']);
  },
};

test.each(bySize({ push: ['fastify-app'], nightly: Object.keys(LOOKS) }))(
  'the example %s does what it says by one command, and leaves no process',
  async (name) => {
    await LOOKS[name]?.(await run(name));
  },
);

test('the page of the examples names each of them, with its command', () => {
  const page = read('docs/examples.md');
  for (const name of Object.keys(LOOKS))
    expect(page).toMatch(new RegExp(`\\[${name}\\]\\(\\.\\./examples/${name}\\).*\`npm run example ${name}\``));
});
