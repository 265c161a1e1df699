import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Described, startMetadata } from '../../../tests/fake-ec2/metadata.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { type SpotNotice, type SpotWatchOptions, watchSpotNotice } from '../src/spot-notice.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const TIME = '2026-01-01T00:02:00Z';
const instance = (): Described => ({
  id: 'i-1',
  type: 'c7g.large',
  zone: 'eu-central-1a',
  notices: { spotAction: undefined, rebalance: undefined },
});
const service = async (machine: Described) => {
  const metadata = await startMetadata(machine);
  cleanups.push(() => metadata.close());
  return metadata;
};
const watch = (options: Omit<SpotWatchOptions, 'onNotice'>): SpotNotice[] => {
  const heard: SpotNotice[] = [];
  const watching = watchSpotNotice({ everyMs: 10, ...options, onNotice: (notice) => heard.push(notice) });
  cleanups.push(() => watching.stop());
  return heard;
};

test('R-41 a spot interruption is heard once, with its time, and then the service is left alone', async () => {
  const machine = instance();
  const { endpoint, requests } = await service(machine);
  const heard = watch({ endpoint });
  await waitFor(() => requests.length > 6, { what: 'some looks' });
  expect(heard).toEqual([]);
  machine.notices.spotAction = { action: 'terminate', time: TIME };
  await waitFor(() => heard.length > 0, { what: 'the notice' });
  const before = requests.length;
  const since = performance.now();
  await waitFor(() => performance.now() - since > 100, { what: 'time for ten more looks' });
  expect(heard).toEqual([{ kind: 'interruption', endsAt: Date.parse(TIME) }]);
  // The look that found it may still have been under way.
  expect(requests.length - before).toBeLessThanOrEqual(3);
});

test('a rebalance recommendation is heard once, and the interruption that follows as well', async () => {
  const machine = instance();
  const { endpoint, requests } = await service(machine);
  const heard = watch({ endpoint });
  machine.notices.rebalance = { noticeTime: TIME };
  await waitFor(() => heard.length === 1, { what: 'the recommendation' });
  const seen = requests.length;
  await waitFor(() => requests.length > seen + 6, { what: 'further looks' });
  machine.notices.spotAction = { action: 'terminate', time: TIME };
  await waitFor(() => heard.length === 2, { what: 'the interruption' });
  expect(heard.map(({ kind }) => kind)).toEqual(['rebalance', 'interruption']);
});

test('both at once: the interruption alone counts', async () => {
  const machine = instance();
  machine.notices.rebalance = { noticeTime: TIME };
  machine.notices.spotAction = { action: 'terminate', time: TIME };
  const { endpoint } = await service(machine);
  const heard = watch({ endpoint });
  await waitFor(() => heard.length > 0, { what: 'the notice' });
  expect(heard.map(({ kind }) => kind)).toEqual(['interruption']);
});

test('S-13 every request but the one for a token carries one; without it the service refuses', async () => {
  const { endpoint, requests } = await service(instance());
  watch({ endpoint });
  await waitFor(() => requests.length >= 6, { what: 'two looks' });
  expect(requests.every((line) => /^PUT \/latest\/api\/token 200$|^GET \S+ 404$/.test(line))).toBe(true);
  const bare = await fetch(`${endpoint}/latest/meta-data/spot/instance-action`);
  expect(bare.status).toBe(401);
  const proxied = await fetch(`${endpoint}/latest/api/token`, {
    method: 'PUT',
    headers: { 'x-forwarded-for': '10.0.0.1', 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
  });
  expect(proxied.status).toBe(403);
});

test('S-13 a service that gives no tokens is not asked without one', async () => {
  const requests: string[] = [];
  const old = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    // Version 1 only: it would answer every GET.
    response.writeHead(request.method === 'GET' ? 200 : 403).end(JSON.stringify({ action: 'terminate', time: TIME }));
  });
  await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => old.close());
  const heard = watch({ endpoint: `http://127.0.0.1:${(old.address() as AddressInfo).port}` });
  await waitFor(() => requests.length >= 2, { what: 'two tries' });
  expect(requests.every((line) => line === 'PUT /latest/api/token')).toBe(true);
  expect(heard).toEqual([]);
});

test('a service that hangs or is not there stops nothing, and is asked ever less often', async () => {
  const machine = instance();
  const metadata = await service(machine);
  metadata.hang(3);
  machine.notices.spotAction = { action: 'terminate', time: TIME };
  const heard = watch({ endpoint: metadata.endpoint, timeoutMs: 30 });
  await waitFor(() => heard.length === 1, { what: 'the notice after the hanging' });

  const nowhere = watch({ endpoint: 'http://127.0.0.1:1', timeoutMs: 30 });
  const start = performance.now();
  await waitFor(() => performance.now() - start > 150, { what: 'some failed looks' });
  expect(nowhere).toEqual([]);
});

test('a notice that cannot be read is a notice all the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flame-notice-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const heard = watch({ folder });
  await writeFile(join(folder, 'instance-action.json'), 'terminate!');
  await waitFor(() => heard.length > 0, { what: 'the notice' });
  expect(heard).toEqual([{ kind: 'interruption', endsAt: null }]);
});

test('where the host passes notices on as files, the service is not asked', async () => {
  const machine = instance();
  const { endpoint, requests } = await service(machine);
  const folder = await mkdtemp(join(tmpdir(), 'flame-notice-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const heard = watch({ folder, endpoint });
  // Not written yet.
  await writeFile(join(folder, 'instance-action.json'), '');
  await writeFile(join(folder, 'rebalance.json'), JSON.stringify({ noticeTime: TIME }));
  await waitFor(() => heard.length === 1, { what: 'the recommendation' });
  await writeFile(join(folder, 'instance-action.json'), JSON.stringify({ action: 'terminate', time: TIME }));
  await waitFor(() => heard.length === 2, { what: 'the interruption' });
  expect(heard[1]).toEqual({ kind: 'interruption', endsAt: Date.parse(TIME) });
  expect(requests).toEqual([]);
});

test('without a source nothing is watched, and stopping is harmless', () => {
  const watching = watchSpotNotice({ onNotice: () => expect.unreachable() });
  watching.stop();
  watching.stop();
});
