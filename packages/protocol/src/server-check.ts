/** What a Redis server must be for calls to be safe in it (rulings section 4). */

import { Cluster } from 'ioredis';
import type { RedisClient } from './connect.ts';
import { FlameConfigError } from './errors/index.ts';

export interface ServerFacts {
  readonly version: string;
  /** Changes with every restart of the server, or of any master of a cluster. `''` where that cannot be read. */
  readonly runId: string;
  /** `undefined` where the server does not say: managed services forbid CONFIG. */
  readonly evictionPolicy: string | undefined;
  readonly appendOnly: boolean | undefined;
  readonly role: string | undefined;
  readonly usedMemory: number;
  /** 0 for no limit. */
  readonly maxMemory: number;
  /** Its clock when it was asked, ms; `undefined` where it does not say. */
  readonly now: number | undefined;
}

export interface ServerFinding {
  readonly severity: 'refuse' | 'warn';
  readonly code: 'eviction' | 'aof' | 'unreadable' | 'replica' | 'version';
  readonly message: string;
}

/** Reads what the server says of itself. Commands that it forbids leave their facts undefined. */
export const readServerFacts = async (client: RedisClient): Promise<ServerFacts> => {
  const info = await client.info().catch(() => '');
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  return {
    version: field('redis_version') ?? '',
    runId: client instanceof Cluster ? await idsOfMasters(client) : (field('run_id') ?? ''),
    evictionPolicy: field('maxmemory_policy'),
    appendOnly: field('aof_enabled') === undefined ? undefined : field('aof_enabled') === '1',
    role: field('role'),
    usedMemory: Number(field('used_memory') ?? 0),
    maxMemory: Number(field('maxmemory') ?? 0),
    now: field('server_time_usec') === undefined ? undefined : Number(field('server_time_usec')) / 1000,
  };
};

const idsOfMasters = async (client: Cluster): Promise<string> => {
  try {
    const infos = await Promise.all(client.nodes('master').map((node) => node.info('server')));
    return infos
      .map((info) => /^run_id:(\w+)/m.exec(info)?.[1] ?? '')
      .sort()
      .join(' ');
  } catch {
    return '';
  }
};

/** Judges the facts. Pure. */
export const judgeServer = (facts: ServerFacts, allowEviction: boolean): readonly ServerFinding[] => {
  const findings: ServerFinding[] = [];
  const { evictionPolicy, appendOnly, version } = facts;
  if (evictionPolicy !== undefined && evictionPolicy !== 'noeviction' && !allowEviction) {
    const message = `this Redis evicts keys when memory is short (maxmemory-policy ${evictionPolicy}), which would lose calls: set it to noeviction, or set allowEviction: true`;
    findings.push({ severity: 'refuse', code: 'eviction', message });
  }
  if (facts.role === 'slave') {
    findings.push({
      severity: 'refuse',
      code: 'replica',
      message: 'this Redis is a read-only replica: connect to its primary, or through Sentinel',
    });
  }
  if (appendOnly === false) {
    const message = 'this Redis has no append-only file (appendonly no): calls are lost when it restarts';
    findings.push({ severity: 'warn', code: 'aof', message });
  }
  if (evictionPolicy === undefined || appendOnly === undefined) {
    const message =
      'this Redis does not show its settings: make sure that maxmemory-policy is noeviction and that writes are persisted';
    findings.push({ severity: 'warn', code: 'unreadable', message });
  }
  if (version !== '' && !atLeast(version, [6, 2])) {
    findings.push({
      severity: 'refuse',
      code: 'version',
      message: `this Redis is version ${version}, Flame needs 6.2 or newer`,
    });
  }
  return findings;
};

/**
 * What callers and runners do with the judgement.
 * @returns the warnings
 * @throws FlameConfigError when calls would not be safe there
 */
export const admitServer = (facts: ServerFacts, allowEviction: boolean): readonly string[] => {
  const findings = judgeServer(facts, allowEviction);
  const messages = (severity: ServerFinding['severity']): readonly string[] =>
    findings.flatMap((finding) => (finding.severity === severity ? [finding.message] : []));
  const refused = messages('refuse');
  if (refused.length === 0) return messages('warn');
  throw new FlameConfigError(refused.join('; '), { problems: refused.map((message) => ({ path: 'redis', message })) });
};

const atLeast = (version: string, [major, minor]: readonly [number, number]): boolean => {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
};
