import { mkdtemp, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { linkMachine, type MachineLink } from '../src/machine-link.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const setup = async (env: (folder: string) => Record<string, string>) => {
  const folder = await mkdtemp(join(tmpdir(), 'flame-link-'));
  const said: string[] = [];
  const logged: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
  const link: MachineLink = linkMachine({
    env: env(folder),
    logger,
    everyMs: 10,
    actions: {
      stop: (reason) => said.push(`stop: ${reason}`),
      retire: (reason) => said.push(`retire: ${reason}`),
      cutShort: () => said.push('cut short'),
    },
  });
  cleanups.push(
    () => rm(folder, { recursive: true, force: true }),
    () => link.close(),
  );
  return { folder, said, logged, link };
};

test('contact is written into the file that the machine watches, at once and then at most every 15 s', async () => {
  const { folder, link } = await setup((it) => ({ FLAME_CONTACT_FILE: join(it, 'alive') }));
  link.contact();
  const { mtimeMs } = await waitFor(() => stat(join(folder, 'alive')), { what: 'the file' });
  for (let i = 0; i < 100; i++) link.contact();
  expect((await stat(join(folder, 'alive'))).mtimeMs).toBe(mtimeMs);
});

test('contact that cannot be written is reported once and harms nothing', async () => {
  const { logged, link } = await setup(() => ({ FLAME_CONTACT_FILE: '/no/such/folder/alive' }));
  link.contact();
  await waitFor(() => logged.length === 1, { what: 'the report' });
  expect(logged[0]).toContain('the machine will end itself');
});

test('R-41 an interruption stops the runner at once, and cuts it short ten seconds before the end', async () => {
  const { folder, said } = await setup((it) => ({ FLAME_NOTICE_DIR: it }));
  const time = new Date(Date.now() + 10_300).toISOString();
  await writeFile(join(folder, 'instance-action.json'), JSON.stringify({ action: 'terminate', time }));
  await waitFor(() => said.length === 1, { what: 'the stop' });
  expect(said).toEqual(['stop: spot interruption']);
  await waitFor(() => said.length === 2, { what: 'the cut' });
  expect(said[1]).toBe('cut short');
});

test('R-41 a rebalance recommendation lets running calls finish', async () => {
  const { folder, said } = await setup((it) => ({ FLAME_NOTICE_DIR: it }));
  await writeFile(join(folder, 'rebalance.json'), '{"noticeTime":"2026-01-01T00:00:00Z"}');
  await waitFor(() => said.length === 1, { what: 'the order' });
  expect(said).toEqual(['retire: spot rebalance recommendation']);
});

test('where the environment names nothing, nothing happens', async () => {
  const { said, logged, link } = await setup(() => ({}));
  link.contact();
  link.close();
  expect([said, logged]).toEqual([[], []]);
});

test('T-08: contact is not written through a link that somebody has put in the place of the file', async () => {
  const { folder, link, logged } = await setup((it) => ({ FLAME_CONTACT_FILE: join(it, 'alive') }));
  const victim = join(folder, 'victim');
  await writeFile(victim, '');
  await utimes(victim, 1, 1);
  await symlink(victim, join(folder, 'alive'));
  link.contact();
  await waitFor(() => logged.length > 0, { what: 'the complaint' });
  expect((await stat(victim)).mtimeMs).toBe(1_000);
});
