/** A page for each error code, to which the error itself leads; and a test somewhere that meets the error for real. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { docsOf } from '@flamejs/protocol/errors/docs';
import { expect, test } from 'vitest';
import { below, read, root, snippetsOf } from './pages.ts';

const CLASS = /class (\w+) extends (?:Error|FlameError) \{.*?code(?:: string)? = '(FLAME_ERR\w*)'/gs;

/** By code. From the sources, so that a new class is missed nowhere. */
const classes: ReadonlyMap<string, string> = new Map(
  below('packages', /^[\w-]+\/src\/.*\.ts$/).flatMap((file) =>
    [...read(file).matchAll(CLASS)].map(([, name = '', code = '']) => [code, name] as const),
  ),
);
const codes = [...classes.keys()].sort();

/** Where each is thrown by what it is about, not made by the test: file, and how the test's title begins. */
const MET: Readonly<Record<string, readonly [file: string, title: string]>> = {
  FLAME_ERR_TIMEOUT: ['packages/runner/test/calls.test.ts', 'TK-01 F08'],
  FLAME_ERR_WAIT_TIMEOUT: ['packages/queue/test/client/waits.test.ts', 'C-07: a wait that ends'],
  FLAME_ERR_QUEUE_TIMEOUT: ['packages/queue/test/client/calls.test.ts', 'AW-11 F07'],
  FLAME_ERR_DEADLINE: ['packages/runner/test/calls.test.ts', 'the deadline of the whole call'],
  FLAME_ERR_CANCELLED: ['packages/runner/test/calls.test.ts', 'TK-08 F15'],
  FLAME_ERR_CALL_LOOP: ['packages/runner/test/nested.test.ts', 'C-12: calls that await each other'],
  FLAME_ERR_LIMIT_DEADLOCK: ['packages/runner/test/limits.test.ts', 'L-08: to await a call'],
  FLAME_ERR_ACCESS: ['packages/runner/test/nested.test.ts', 'T-07: a function that knows an id'],
  FLAME_ERR_JOB_METHOD: ['tests/migrate/worker.test.ts', 'a method of the job that is not there'],
  FLAME_ERR_CRASH: ['packages/runner/test/calls.test.ts', 'AW-10 F10'],
  FLAME_ERR_MEMORY: ['packages/runner/test/calls.test.ts', 'over its memory limit'],
  FLAME_ERR_RUNNER_LOST: ['tests/conformance/calls.test.ts', 'F11 with onRunnerLost fail'],
  FLAME_ERR_BOOT: ['tests/conformance/given-up.test.ts', 'C-35'],
  FLAME_ERR_STREAM: ['packages/runner/test/streams.test.ts', 'flame.call on a function that yields'],
  FLAME_ERR_READ_TIMEOUT: ['packages/runner/test/stream-losses.test.ts', 'a window that nobody reads'],
  FLAME_ERR_IDLE_TIMEOUT: ['packages/runner/test/stream-losses.test.ts', 'a window that nobody reads'],
  FLAME_ERR_REMOVED: ['packages/queue/test/client/calls.test.ts', 'P10 a call that is removed by hand'],
  FLAME_ERR_DATA_LOSS: ['packages/queue/test/client/calls.test.ts', 'R-13'],
  FLAME_ERR_UNAVAILABLE: ['packages/queue/test/client/calls.test.ts', 'P11 with Redis down'],
  FLAME_ERR_CODEC: ['tests/conformance/calls.test.ts', 'P02 P04'],
  FLAME_ERR_PAYLOAD_TOO_LARGE: ['packages/queue/test/client/calls.test.ts', 'P04'],
  FLAME_ERR_UNKNOWN_FUNCTION: ['tests/conformance/calls.test.ts', 'F19'],
  FLAME_ERR_RELEASE: ['tests/closures/deployment.test.ts', 'R-35 SD-13'],
  FLAME_ERR_UNTRUSTED: ['packages/runner/test/trust.test.ts', 'a call that nobody signed'],
  FLAME_ERR_CONFIG: ['packages/queue/test/client/more-calls.test.ts', 'bad schedules'],
  FLAME_ERR_LAUNCH: ['packages/autoscaler/test/docker/docker.test.ts', 'one that the registry lacks'],
  FLAME_ERR_ID_CONFLICT: ['packages/queue/test/client/inline.test.ts', 'the same id is the same call'],
  FLAME_ERR_QUEUE_FULL: ['packages/queue/test/client/more-calls.test.ts', 'RO-07'],
  FLAME_ERR_CLOSED: ['packages/queue/test/client/calls.test.ts', 'close rejects'],
  FLAME_ERR_SEAL: ['tests/security/sealed-calls.test.ts', 'S-10'],
  FLAME_ERR_COMPILE: ['packages/compiler/test/compile.test.ts', ''],
  FLAME_ERR_MANIFEST: ['packages/compiler/test/bundlers.test.ts', 'a damaged manifest is refused'],
};

test('A-07: every error code has a page with cause, cure and an example, and each page is of a code that exists', () => {
  expect(codes.length).toBeGreaterThan(25);
  const pages = below('docs/errors', /\.md$/).filter((page) => !page.endsWith('README.md'));
  expect(pages.map((page) => page.slice('docs/errors/'.length, -'.md'.length))).toEqual(codes);
  const index = read('docs/errors/README.md');
  for (const code of codes) {
    const page = `docs/errors/${code}.md`;
    const text = read(page);
    expect(text, page).toContain(`# ${code}\n\n\`${classes.get(code)}\``);
    expect(snippetsOf(page).length, page).toBeGreaterThan(0);
    if (code !== 'FLAME_ERR') expect(text, page).toMatch(/\*\*Cause\b.*\*\*Cure\b/s);
    expect(index).toMatch(new RegExp(`\\[${code}\\]\\(${code}\\.md\\) \\| \`${classes.get(code)}\``));
  }
});

test('A-07: what an error says about its page is where the page is', () => {
  for (const code of codes) {
    const path = new URL(docsOf(code)).pathname.replace(/^\/flamejs\//, '');
    expect(existsSync(join(root, path)), path).toBe(true);
  }
});

test('A-07: every error class is met for real by a test', () => {
  expect(Object.keys(MET).sort()).toEqual(codes.filter((code) => code !== 'FLAME_ERR'));
  for (const [code, [file, title]] of Object.entries(MET)) {
    const tests = read(file)
      .split(/^\s*test(?=[.(])/m)
      .slice(1);
    const names = [`${classes.get(code)}`, `'${code}'`];
    const found = tests.filter((text) => text.includes(title) && names.some((name) => text.includes(name)));
    expect(found.length, `${code}: ${file} ${title}`).toBeGreaterThan(0);
  }
});
