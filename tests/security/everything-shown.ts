/** Everything that an app shows to people: the dashboard's pages and API, Bull Board, metrics, the command line. */
import { createDashboard } from '@flamejs/dashboard';
import type { AppConfig } from '@flamejs/queue';
import { pino } from 'pino';
import { flame } from '../cli/flame.ts';
import { bySize } from '../support/tier.ts';

/** @returns every answer of a dashboard of its own, headers included */
export const everyPage = async (config: AppConfig, callIds: readonly string[]): Promise<string> => {
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  await using dashboard = createDashboard(config, { port: 0, logger });
  await dashboard.start();
  const origin = new URL(dashboard.url).origin;
  const ask = async (path: string): Promise<string> => {
    const answer = await fetch(`${origin}${path}`);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text.slice(0, 300)}`);
    return `${path}\n${JSON.stringify([...answer.headers])}\n${text}`;
  };
  const pools = Object.keys(config.pools);
  const paths = [
    ...['/pools', '/calls', '/metrics', '/queues', '/api/system', '/api/pools', '/api/calls', '/queues/api/queues'],
    ...pools.flatMap((pool) => [
      `/api/pools/${pool}`,
      ...['latest', 'completed', 'failed', 'delayed', 'waiting'].map(
        (status) => `/queues/api/queues?activeQueue=${pool}&status=${status}&page=1&jobsPerPage=20`,
      ),
    ]),
    ...callIds.flatMap((id) => [
      `/calls/${id}`,
      ...['', '/arguments', '/outcome', '/logs'].map((part) => `/api/calls/${id}${part}`),
      `/queues/api/queues/${id.split('.')[0]}/${id}`,
      `/queues/api/queues/${id.split('.')[0]}/${id}/logs`,
    ]),
  ];
  const pages: string[] = [];
  for (const path of paths) pages.push(await ask(path));
  return [...pages, ...lines].join('\n');
};

/**
 * @returns what the commands that look at the app and at these calls print, as text and as JSON. They show what the dashboard's
 * API shows, and each is a process that takes a second: a push looks at the last call only.
 */
export const everyCommand = async (
  env: Readonly<Record<string, string | undefined>>,
  callIds: readonly string[],
): Promise<string> => {
  const all = [
    ...callIds.flatMap((id) => [
      ['calls', 'logs', id],
      ['calls', 'show', id, '--full'],
    ]),
    ...[['pools'], ['runners'], ['calls'], ['status'], ['doctor']].flatMap((command) => [
      command,
      [...command, '--json'],
    ]),
    ...callIds.map((id) => ['calls', 'show', id, '--full', '--json']),
  ];
  const last = callIds.at(-1) ?? '';
  const commands = bySize({ push: [['calls', 'show', last, '--full', '--json']], nightly: all });
  const outputs: string[] = [];
  for (const command of commands) outputs.push((await flame(command, { env })).output);
  return outputs.join('\n');
};
