import { execFile } from 'node:child_process';
import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { bySize } from '../../../../tests/support/tier.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { parseOptions } from '../../src/backends/ec2/parse-options.ts';
import { quote, renderUserData } from '../../src/backends/ec2/user-data.ts';
import { armed, armings, type Behaviours, createHost, type Host, stops } from './scratch-host.ts';
import { atEnd } from './support.ts';

const APPLICATIONS = {
  image: { image: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:42' },
  archive: { archive: 's3://bucket/app.tar.gz', command: ['sh', 'bin/runner'] },
} as const;
type Kind = keyof typeof APPLICATIONS;
/** The limit of ten minutes for a download becomes a short one. */
const HASTY = 'limit=$1; shift; [ "$limit" -lt 600 ] || limit=0.3; exec /usr/bin/timeout "$limit" "$@"';
const KINDS: readonly Kind[] = ['image', 'archive'];

const script = (
  kind: Kind,
  { market = 'spot' as const, env = { FLAME_APP: 'shop', ODD: `it's "$HOME" \\ ünï` }, maxLifetime = 86_400_000 } = {},
): string =>
  renderUserData({
    settings: parseOptions({
      region: 'eu-central-1',
      instanceTypes: ['c7g.large'],
      zones: ['eu-central-1a'],
      ami: 'ami-0a0a0a0a0a0a0a0a1',
      iamInstanceProfile: 'flame-runner',
      application: APPLICATIONS[kind],
      secrets: {
        redisUrl: { ssm: '/shop/redis-url' },
        signingKey: { secretsManager: 'shop/key' },
      },
      maxLifetime,
    }),
    market,
    release: 'r1',
    env,
    secrets: {
      redisUrl: { ssm: '/shop/redis-url' },
      signingKey: { secretsManager: 'shop/key' },
      encryptionKeys: { ssm: '/shop/keys' },
    },
  });

/** A host with an archive whose runner writes down its environment and then does `body`. */
const host = async (behaviours: Behaviours = {}, body = ''): Promise<Host> => {
  const made = await createHost(behaviours);
  atEnd(() => made.close());
  await packRunner(made.root, `env > "${made.root}/runner.env"\n${body}`);
  return made;
};

/** An archive with one file in it, the runner: a shell script. */
const packRunner = async (root: string, body: string): Promise<void> => {
  await mkdir(join(root, 'src/bin'), { recursive: true });
  await writeFile(join(root, 'src/bin/runner'), `${body}\n`);
  await promisify(execFile)('tar', ['-czf', join(root, 'app.tar.gz'), '-C', join(root, 'src'), '.']);
};

test.each(KINDS)('R-39 %s: the first command arms the timer; nothing ever cancels it', (kind) => {
  const lines = script(kind).split('\n');
  expect(lines[0]).toBe('#!/bin/bash');
  expect(lines[1]).toBe('shutdown --no-wall -h +15 || poweroff');
  expect(script(kind)).not.toMatch(/shutdown[^\n]* -c\b/);
});

test.each(KINDS)('R-39 %s: when the runner ends, with whatever code, the machine ends', async (kind) => {
  for (const code of [0, 1, 137]) {
    const it = await host({ docker: `[ "$1" = run ] && exit ${code}; exit 0` }, `exit ${code}`);
    const end = await it.boot(script(kind));
    expect(end).toMatchObject({ code, timedOut: false });
    // What watches the machine beside it may still go to sleep once more.
    const done = (await it.log()).filter((line) => !line.startsWith('sleep '));
    expect(done.at(-1)).toBe('shutdown --no-wall -h now');
  }
});

/** Every line that is a command, or a share of them: `every` 3 takes each third. */
const sabotage = async (
  kind: Kind,
  every: number,
  change: (lines: readonly string[], at: number) => string,
  accept: (log: readonly string[], at: number, lines: readonly string[]) => boolean,
): Promise<readonly string[]> => {
  const lines = script(kind).split('\n');
  const places = lines
    .flatMap((line, at) => (at > 1 && !/^\s*(#.*|[})]|done|esac|fi|;;)?$/.test(line) ? [at] : []))
    .filter((at) => at % every === 0);
  expect(places.length).toBeGreaterThan(70 / every);
  const bad = await inParallel(places, async (at) => {
    const it = await host();
    const { timedOut } = await it.boot(change(lines, at), 40_000);
    const log = await it.log();
    await it.close();
    return !timedOut && accept(log, at, lines) ? [] : [`line ${at + 1}: ${lines[at]}`];
  });
  return bad.flat();
};

test.each(KINDS)(
  'R-39 %s: a failure at each line in turn ends the machine, every time',
  async (kind) => {
    const bad = await sabotage(
      kind,
      bySize({ push: 4, nightly: 1 }),
      (lines, at) => insert(lines, at, 'exit 7'),
      // Before the trap is set, the timer is what ends the machine.
      (log, at, lines) => stops(log) || (at <= lines.indexOf('trap finish EXIT') && armed(log)),
    );
    expect(bad).toEqual([]);
  },
  240_000,
);

test.each(KINDS)(
  'R-39 %s: killed at each line in turn, the timer is left armed',
  async (kind) => {
    const bad = await sabotage(
      kind,
      bySize({ push: 10, nightly: 1 }),
      (lines, at) => insert(lines, at, 'kill -9 $$'),
      (log) => stops(log) || armed(log),
    );
    expect(bad).toEqual([]);
  },
  240_000,
);

test.each(KINDS)(
  'R-39 %s: cut off before each line in turn, the machine ends or the timer is armed',
  async (kind) => {
    const bad = await sabotage(
      kind,
      bySize({ push: 10, nightly: 1 }),
      (lines, at) => lines.slice(0, at).join('\n'),
      (log) => stops(log) || armed(log),
    );
    expect(bad).toEqual([]);
  },
  240_000,
);

test.each([
  ['image', 'docker', 'exit 125'],
  ['image', 'aws', 'exit 255'],
  ['image', 'aws', ''],
  ['image', 'chown', 'exit 1'],
  ['image', 'mkdir', 'exit 1'],
  ['archive', 'aws', 'exit 255'],
  ['archive', 'iptables', 'exit 1'],
  ['archive', 'useradd', 'exit 1'],
  ['archive', 'tar', 'exit 2'],
  ['archive', 'setpriv', 'exit 127'],
] as const)('R-39 %s: %s that fails (%s) ends the machine', async (kind, command, body) => {
  const it = await host({ [command]: body });
  const end = await it.boot(script(kind));
  expect(end.timedOut).toBe(false);
  expect(end.code).not.toBe(0);
  expect(stops(await it.log())).toBe(true);
});

test('R-39 a machine whose timer cannot be armed is ended at once', async () => {
  const it = await host({ shutdown: 'exit 1' });
  await it.boot(script('image'));
  expect((await it.log()).slice(0, 2)).toEqual(['shutdown --no-wall -h +15', 'poweroff']);
});

test.each([
  ['image', { docker: '[ "$1" != pull ] || exec /bin/sleep 60', timeout: HASTY }],
  ['archive', { aws: 'case "$*" in *"s3 cp"*) exec /bin/sleep 60 ;; *) echo value ;; esac', timeout: HASTY }],
] as const)('R-39 %s: a download that hangs is given up, and the machine ends', async (kind, behaviours) => {
  const it = await host(behaviours);
  const end = await it.boot(script(kind));
  expect(end.timedOut).toBe(false);
  expect(stops(await it.log())).toBe(true);
});

test('R-39 a runner that hangs without contact does not move the timer on', async () => {
  const it = await host({ docker: '[ "$1" != run ] || exec /bin/sleep 60' });
  it.start(script('image'));
  await waitFor(
    async () => (await it.log()).filter((line) => line === 'sleep 20').length >= 5,
    patiently('five looks at the contact'),
  );
  expect(armings(await it.log())).toBe(1);
});

test('contact moves the timer on, as often as it is renewed and no more', async () => {
  const it = await host({ docker: '[ "$1" != run ] || exec /bin/sleep 60' });
  it.start(script('image'));
  const contact = join(it.root, 'run/flame/contact/alive');
  await waitFor(async () => (await it.log()).includes('sleep 20'), patiently('the runner to start'));
  await writeFile(contact, '');
  await waitFor(async () => armings(await it.log()) === 2, patiently('the timer to be moved on'));
  await utimes(contact, new Date(1_900_000_000_000), new Date(1_900_000_000_000));
  await waitFor(async () => armings(await it.log()) === 3, patiently('the timer to be moved on again'));
  const looks = (log: readonly string[]): number => log.filter((line) => line === 'sleep 20').length;
  const before = looks(await it.log());
  await waitFor(async () => looks(await it.log()) >= before + 3, patiently('three more looks'));
  expect(armings(await it.log())).toBe(3);
});

test('at the end of its lifetime the runner is asked to drain, and contact no longer helps', async () => {
  const it = await host({ docker: 'case "$1" in run) exec /bin/sleep 60 ;; esac' });
  it.start(script('image', { maxLifetime: 60_000 }).replace("max_lifetime_s='60'", 'max_lifetime_s=0'));
  await waitFor(
    async () => (await it.log()).includes('docker kill --signal TERM flame-runner'),
    patiently('the order to drain'),
  );
  expect(armings(await it.log())).toBe(1);
});

test.each(KINDS)('%s: a shutdown from outside reaches the runner, which may finish first', async (kind) => {
  const it = await createHost();
  atEnd(() => it.close());
  const body = `trap 'sleep 9; echo finished > "${it.root}/finished"; exit 0' TERM
echo started > "${it.root}/started"
while :; do /bin/sleep 0.01; done`;
  await writeFile(join(it.root, 'bin/docker'), `#!/bin/bash\n[ "$1" = run ] || exit 0\n${body}\n`);
  await packRunner(it.root, body);
  const child = it.start(script(kind));
  await waitFor(() => readFile(join(it.root, 'started'), 'utf8'), patiently('the runner to run'));
  child.kill('SIGTERM');
  await waitFor(async () => stops(await it.log()), patiently('the machine to end'));
  expect(await readFile(join(it.root, 'finished'), 'utf8')).toBe('finished\n');
});

test('S-14 secrets end in files that only the runner may read, on tmpfs, and in no argument', async () => {
  const it = await host({ docker: '[ "$1" != run ] || exec /bin/sleep 60' });
  it.start(script('image'));
  const run = await waitFor(
    async () => (await it.log()).find((line) => line.startsWith('docker run')),
    patiently('the container'),
  );
  for (const [file, value, name] of [
    ['redis-url', 'value of /shop/redis-url', 'FLAME_REDIS_URL_FILE'],
    ['signing-key', 'value of shop/key', 'FLAME_SIGNING_KEY_FILE'],
  ] as const) {
    const path = join(it.root, 'run/flame/secrets', file);
    expect(await readFile(path, 'utf8')).toBe(value);
    expect((await stat(path)).mode & 0o777).toBe(0o400);
    expect(run).toContain(`-e ${name}=/run/secrets/flame-${file}`);
    expect(run).toContain(`-v ${path}:/run/secrets/flame-${file}:ro`);
    expect(await it.log()).toContain(`chown 1000:1000 ${path}`);
  }
  expect((await it.log()).join('\n')).not.toContain('value of');
});

test('the environment arrives exactly, whatever quotes and characters it has', async () => {
  const odd = `it's "$HOME" \\ ünï \`id\` $(id)`;
  const it = await host();
  await it.boot(script('archive', { env: { FLAME_APP: 'shop', ODD: odd } }));
  const env = await readFile(join(it.root, 'runner.env'), 'utf8');
  expect(env.split('\n')).toEqual(
    expect.arrayContaining(['FLAME_APP=shop', `ODD=${odd}`, `FLAME_CONTACT_FILE=${it.root}/run/flame/contact/alive`]),
  );
  expect(quote("a'b")).toBe(`'a'\\''b'`);
});

test('the registry of the account is logged in to with the instance profile; others are not', async () => {
  const it = await host();
  await it.boot(script('image'));
  expect(await it.log()).toContain(
    'docker login --username AWS --password-stdin 123456789012.dkr.ecr.eu-central-1.amazonaws.com',
  );
  const other = await host();
  await other.boot(
    script('image').replaceAll('123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:42', 'ghcr.io/shop/web:42'),
  );
  expect((await other.log()).filter((line) => line.startsWith('docker login'))).toEqual([]);
});

test('an archive that is not the one that was named is not run', async () => {
  const it = await host();
  const text = script('archive').replace("archive_sha256=''", `archive_sha256='${'0'.repeat(64)}'`);
  expect(text).toContain('0000');
  await it.boot(text);
  expect(stops(await it.log())).toBe(true);
  expect((await it.log()).some((line) => line.startsWith('setpriv'))).toBe(false);
});

test('R-41 the host passes spot notices on to the runner', async () => {
  const curl = `case "$*" in
    *PUT*) echo token ;;
    *"X-aws-ec2-metadata-token: token"*spot/instance-action) echo '{"action":"terminate","time":"2026-01-01T00:02:00Z"}' ;;
    *) exit 22 ;;
  esac`;
  const it = await host({ docker: '[ "$1" != run ] || exec /bin/sleep 60', curl });
  it.start(script('image'));
  const notice = join(it.root, 'run/flame/notice/instance-action.json');
  const text = await waitFor(() => readFile(notice, 'utf8'), patiently('the notice'));
  expect(JSON.parse(text)).toEqual({ action: 'terminate', time: '2026-01-01T00:02:00Z' });
  const run = (await it.log()).find((line) => line.startsWith('docker run'));
  expect(run).toContain('-e FLAME_NOTICE_DIR=/run/flame/notice');
  expect(run).toContain(`-v ${it.root}/run/flame/notice:/run/flame/notice:ro`);
});

test('both scripts leave room in user-data for an environment of several KB', () => {
  for (const kind of KINDS) expect(Buffer.byteLength(script(kind))).toBeLessThan(7_000);
});

const insert = (lines: readonly string[], at: number, line: string): string =>
  [...lines.slice(0, at), line, ...lines.slice(at)].join('\n');
/** Boots are many small processes: on a busy machine they take their time. */
const patiently = (what: string) => ({ what, timeoutMs: 40_000 });

const inParallel = async <T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> => {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) results[index] = await work(item, index);
    }
  };
  await Promise.all(Array.from({ length: 3 }, worker));
  return results;
};
