/** The task-protection endpoint of an ECS task, as ECS' agent has it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { protectTask } from '../src/task-protection.ts';

const startAgent = async () => {
  const state = { enabled: false, requests: [] as string[], failures: 0, refuse: 0 };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const reply = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.method !== 'PUT' || request.url !== '/api/task/task-protection/v1/state') return reply(404, {});
    const { ProtectionEnabled, ExpiresInMinutes, ...rest } = JSON.parse(text) as Record<string, unknown>;
    const bad = (message: string): void =>
      reply(400, { error: { Code: 'InvalidParameterException', Message: message } });
    if (Object.keys(rest).length > 0) return bad('unknown member');
    if (typeof ProtectionEnabled !== 'boolean') return bad('ProtectionEnabled');
    const minutes = ExpiresInMinutes;
    if (minutes !== undefined && !(Number.isInteger(minutes) && Number(minutes) >= 1 && Number(minutes) <= 2880))
      return bad('minutes');
    state.requests.push(`${ProtectionEnabled}${minutes === undefined ? '' : ` ${minutes}`}`);
    if (state.failures-- > 0) return reply(500, { error: { Code: 'ServerException', Message: 'later' } });
    if (state.refuse-- > 0) return reply(200, { failure: { Arn: 'arn', Reason: 'DEPLOYMENT_BLOCKED' } });
    state.enabled = ProtectionEnabled;
    reply(200, { protection: { ProtectionEnabled, TaskArn: 'arn', ExpirationDate: '2030-01-01T00:00:00Z' } });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/task`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
};

test('EX-14 a task is protected while it has calls, and told so once, not with each call', async () => {
  await using agent = await startAgent();
  const protection = protectTask({ agentUri: agent.uri, logger: pino({ level: 'silent' }), idleMs: 300 });
  protection.note(0);
  for (let call = 0; call < 20; call += 1) {
    protection.note(1);
    protection.note(2);
    protection.note(0);
    await sleep(10);
  }
  await waitFor(() => agent.enabled, { what: 'the protection' });
  await waitFor(() => !agent.enabled, { what: 'its end, when no call came for a while' });
  expect(agent.requests).toEqual(['true 60', 'false']);
  protection.note(1);
  await waitFor(() => agent.enabled, { what: 'the protection' });
  protection.close();
});

test('EX-14 a failure is tried again for as long as it is wanted, and said once', async () => {
  await using agent = await startAgent();
  agent.failures = 1;
  agent.refuse = 2;
  const said: string[] = [];
  const logger = { warn: (fields: { err: Error }) => void said.push(fields.err.message) } as never;
  const protection = protectTask({ agentUri: agent.uri, logger, idleMs: 10_000, retryMs: 30 });
  protection.note(1);
  await waitFor(() => agent.enabled, { what: 'the protection' });
  expect(agent.requests).toEqual(['true 60', 'true 60', 'true 60', 'true 60']);
  expect(said).toEqual(['task protection: ServerException: later']);
  protection.close();
});

test('EX-14 a call that comes while protection is being taken away has it again', async () => {
  await using agent = await startAgent();
  const protection = protectTask({ agentUri: agent.uri, logger: pino({ level: 'silent' }), idleMs: 20, retryMs: 30 });
  protection.note(1);
  await waitFor(() => agent.enabled, { what: 'the protection' });
  for (let round = 0; round < 20; round += 1) {
    protection.note(0);
    await sleep(20 + (round % 3));
    protection.note(1);
  }
  await waitFor(() => agent.enabled, { what: 'the protection' });
  await sleep(100);
  expect(agent.enabled).toBe(true);
  protection.close();
});
