/** An executor whose runner has died ends by itself, whatever its function is doing. */
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { processesMarked } from '../../../../tests/support/marked.ts';
import { isAlive, startNode } from '../../../../tests/support/processes.ts';
import { endsWithRunner } from '../../src/executor/janitor.ts';
import { MARK_ENV } from '../../src/executor/markers.ts';
import { fixture, waitFor } from './support.ts';

const tempRootsOf = (family: string): readonly string[] =>
  readdirSync(tmpdir())
    .filter((name) => name.startsWith('flame-executors-'))
    .map((name) => join(tmpdir(), name))
    .filter((root) => existsSync(root) && readdirSync(root).some((mark) => mark.startsWith(family)));

test.each([
  ['an endless loop', 'spin', '[600000]'],
  ['a function that waits', 'sleep', '[600000]'],
  ['children that left the group', 'children', '[["plain","setsid","double"]]'],
])('the runner is killed during %s: executors, children and files are gone', async (_what, functionName, args) => {
  const host = await startNode(fixture('runner-host.mjs'), { args: [functionName, args] });
  try {
    const [, pids = ''] = await host.waitForOutput(/busy: ([\d ]+)/);
    if (functionName === 'children') await host.waitForOutput(/line: started/);
    const family = `${host.pid}-`;
    const members = () => processesMarked(MARK_ENV, family);
    expect(members().length).toBeGreaterThanOrEqual(2);
    expect(tempRootsOf(family)).toHaveLength(1);
    await host.kill9();
    await waitFor(() => members().length === 0, { what: 'the family to end', found: members });
    await waitFor(() => !pids.split(' ').map(Number).some(isAlive), { what: 'the executors to be gone' });
    await waitFor(() => tempRootsOf(family).length === 0, {
      what: 'temporary files to be removed',
      found: () => tempRootsOf(family).map((root) => [root, readdirSync(root, { recursive: true }), readdirSync(root)]),
    });
  } finally {
    await host.kill9().catch(() => undefined);
  }
});

test.runIf(endsWithRunner())(
  'K5 where the kernel ends executors with their runner, one that is frozen ends too, and leaves no child and no file',
  async () => {
    const host = await startNode(fixture('runner-host.mjs'), { args: ['children', '[["setsid"]]'] });
    try {
      const [, pids = ''] = await host.waitForOutput(/busy: ([\d ]+)/);
      await host.waitForOutput(/line: started/);
      const family = `${host.pid}-`;
      for (const pid of pids.split(' ').map(Number)) process.kill(pid, 'SIGSTOP');
      await host.kill9();
      await waitFor(() => processesMarked(MARK_ENV, family).length === 0, {
        what: 'the family to end',
      });
      await waitFor(() => tempRootsOf(family).length === 0, { what: 'temporary files to be removed' });
    } finally {
      await host.kill9().catch(() => undefined);
    }
  },
);
