/**
 * Watches for the two minutes' notice that a spot machine gets before it is taken away, and for the recommendation to
 * move that may come earlier. From the metadata service (version 2: never a request without a token), or from a folder
 * into which the host writes what the service said, where the runner itself must not reach it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface SpotNotice {
  /** `interruption`: the machine ends at `endsAt`. `rebalance`: it is at risk, nothing is decided. */
  readonly kind: 'interruption' | 'rebalance';
  /** Epoch milliseconds by the provider's clock; `null` when the notice names no time. */
  readonly endsAt: number | null;
}

export interface SpotWatch {
  stop(): void;
}

export interface SpotWatchOptions {
  /** `http://169.254.169.254`, or what stands for it. */
  readonly endpoint?: string | undefined;
  /** With `instance-action.json` and `rebalance.json` in it, once there are such notices. Wins over `endpoint`. */
  readonly folder?: string | undefined;
  /** Called at most once for each kind; after an interruption nothing more is said. */
  readonly onNotice: (notice: SpotNotice) => void;
  /** Between two looks, ms. Default 5000, as AWS advises. */
  readonly everyMs?: number;
  /** Of one request, ms. Default 2000. */
  readonly timeoutMs?: number;
}

const TOKEN_SECONDS = 60;
/** A service that does not answer is asked less and less often, up to this many times the usual pause. */
const MOST_PAUSES = 12;

/** Never throws and never rejects: what cannot be read is not a notice. Does not keep the process alive. */
export const watchSpotNotice = ({
  endpoint,
  folder,
  onNotice,
  everyMs = 5_000,
  timeoutMs = 2_000,
}: SpotWatchOptions): SpotWatch => {
  const look =
    folder !== undefined ? readFolder(folder) : endpoint !== undefined ? askService(endpoint, timeoutMs) : undefined;
  if (look === undefined) return { stop: () => undefined };
  const told = new Set<SpotNotice['kind']>();
  let stopped = false;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;

  const tell = (notice: SpotNotice): void => {
    if (stopped || told.has(notice.kind)) return;
    told.add(notice.kind);
    if (notice.kind === 'interruption') stop();
    onNotice(notice);
  };
  const round = async (): Promise<void> => {
    try {
      // The graver one first: it makes the other pointless.
      for (const notice of await look()) tell(notice);
      failures = 0;
    } catch {
      failures += 1;
    }
    if (!stopped) again(everyMs * Math.min(MOST_PAUSES, 2 ** Math.max(0, failures - 1)));
  };
  const again = (ms: number): void => {
    timer = setTimeout(() => void round(), ms);
    timer.unref();
  };
  const stop = (): void => {
    stopped = true;
    clearTimeout(timer);
  };
  again(0);
  return { stop };
};

type Look = () => Promise<readonly SpotNotice[]>;

const askService = (endpoint: string, timeoutMs: number): Look => {
  const base = endpoint.replace(/\/$/, '');
  const request = (path: string, init: RequestInit): Promise<Response> =>
    // A redirect would carry the token somewhere else.
    fetch(`${base}${path}`, { ...init, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
  return async () => {
    const answer = await request('/latest/api/token', {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_SECONDS) },
    });
    const token = await answer.text();
    if (!answer.ok) throw new Error(`the metadata service gave no token: ${answer.status}`);
    const get = async (path: string): Promise<string | undefined> => {
      const found = await request(`/latest/meta-data/${path}`, { headers: { 'x-aws-ec2-metadata-token': token } });
      const text = await found.text();
      if (found.status === 404) return undefined;
      if (!found.ok) throw new Error(`the metadata service answered ${found.status}`);
      return text;
    };
    return notices(await get('spot/instance-action'), await get('events/recommendations/rebalance'));
  };
};

const readFolder = (folder: string): Look => {
  const read = async (name: string): Promise<string | undefined> => {
    try {
      // An empty file is one that is being written.
      return (await readFile(join(folder, name), 'utf8')) || undefined;
    } catch {
      return undefined;
    }
  };
  return async () => notices(await read('instance-action.json'), await read('rebalance.json'));
};

const notices = (action: string | undefined, rebalance: string | undefined): readonly SpotNotice[] => {
  const found: SpotNotice[] = [];
  // Stop and hibernate end the runner just as terminate does.
  if (action !== undefined) {
    const { time } = parse(action);
    const endsAt = typeof time === 'string' ? Date.parse(time) : Number.NaN;
    found.push({ kind: 'interruption', endsAt: Number.isNaN(endsAt) ? null : endsAt });
  }
  if (rebalance !== undefined) found.push({ kind: 'rebalance', endsAt: null });
  return found;
};

/** A notice whose text cannot be read is a notice all the same. */
const parse = (text: string): { readonly time?: unknown } => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
};
