/**
 * A real container engine for a test: podman's service on a socket of its own, with a storage of its own under the system's
 * folder for temporary files. Nothing of the machine's other containers is seen or touched, and nothing is left but the
 * archive of the base image, which the next run finds again.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { startProcess } from './processes.ts';
import { waitFor } from './wait-for.ts';

export interface Engine {
  /** Where the Docker Engine API is served. */
  readonly socket: string;
  /** Containers of this network reach the host at `gateway`. */
  readonly network: string;
  readonly gateway: string;
  /** Runs podman on the same storage. @returns what it prints @throws with its output */
  podman(args: readonly string[], options?: { readonly timeoutMs?: number }): Promise<string>;
  /** Removes every container and ends the service; images stay. */
  stop(): Promise<void>;
}

/** Why no engine can be had here; `undefined` when one can. */
export const engineMissing = (): string | undefined => {
  if (process.env.FLAME_NO_ENGINE) return process.env.FLAME_NO_ENGINE;
  if (process.platform !== 'linux') return `containers are tested on Linux only, this is ${process.platform}`;
  if (userInfo().uid !== 0) return 'podman with networks and limits needs root';
  const absent = ['podman', 'runc'].filter((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status !== 0);
  if (absent.length > 0) return `${absent.join(' and ')} cannot be run: sh scripts/setup.sh --with podman installs it`;
  return undefined;
};

const NETWORK = 'flame-tests';
const SUBNET = '10.213.77';

export const startEngine = async (): Promise<Engine> => {
  const run = mkdtempSync(join(tmpdir(), 'flame-engine-'));
  const storage = join(run, 'storage');
  const socket = join(run, 'engine.sock');
  const env = { CONTAINERS_CONF: join(run, 'containers.conf') };
  writeFileSync(env.CONTAINERS_CONF, CONFIG);
  // `crun` fails on hosts with both versions of cgroups; no systemd runs in many of them.
  const place = [
    ...['--root', storage, '--runroot', join(run, 'run'), '--network-config-dir', join(run, 'networks')],
    ...['--storage-driver', 'overlay', '--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
  ];

  const podman: Engine['podman'] = (args, { timeoutMs = 120_000 } = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn('podman', [...place, ...args], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
      });
      let out = '';
      let err = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        err += text;
      });
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (code === 0) resolve(out.trim());
        else reject(new Error(`podman ${args.join(' ')}: ${signal ?? `code ${code}`}\n${(out + err).slice(-4_000)}`));
      });
    });

  const service = await startProcess('podman', [...place, 'system', 'service', '--time=0', `unix://${socket}`], {
    env,
  });
  const stop = async (): Promise<void> => {
    await podman(['rm', '--all', '--force', '--time', '1']).catch(() => undefined);
    await podman(['network', 'rm', '--force', NETWORK]).catch(() => undefined);
    await service.stop();
    // Podman keeps its storage mounted on itself.
    spawnSync('umount', ['--lazy', join(storage, 'overlay')], { stdio: 'ignore' });
    rmSync(run, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  };
  try {
    await waitFor(() => existsSync(socket), { what: 'the engine', found: () => service.output() });
    const address = ['--subnet', `${SUBNET}.0/24`, '--gateway', `${SUBNET}.1`];
    await podman(['network', 'create', ...address, NETWORK]);
    return { socket, network: NETWORK, gateway: `${SUBNET}.1`, podman, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

const CONFIG = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
`;

/** What the programs of the base image are: enough for `npm ci`, its scripts, and a test to look around. */
const PROGRAMS = ['node', 'sh', 'env', 'cat', 'ls', 'id', 'mkdir', 'rm', 'cp', 'touch', 'sleep', 'chmod'];

/**
 * @returns the name of a base image made of this machine's own Node: no registry can be reached where the tests run. Its
 * archive is made once and kept.
 */
export const baseImage = async ({ podman }: Engine): Promise<string> => {
  const recipe = createHash('sha256').update(JSON.stringify([PROGRAMS, makeRoot.toString(), process.version]));
  const name = `localhost/flame-base:${recipe.digest('hex').slice(0, 12)}`;
  const exists = await podman(['image', 'exists', name]).then(
    () => true,
    () => false,
  );
  if (exists) return name;
  const cache = join(tmpdir(), `flame-base-images-${userInfo().uid}`);
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const archive = join(cache, `${name.split(':')[1]}.tar`);
  if (!existsSync(archive)) makeArchive(archive);
  const changes = [
    'ENV PATH=/usr/local/bin:/usr/bin:/bin',
    'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt',
  ];
  await podman(['import', ...changes.flatMap((change) => ['--change', change]), archive, name]);
  return name;
};

const makeArchive = (archive: string): void => {
  const folder = mkdtempSync(join(tmpdir(), 'flame-base-'));
  try {
    makeRoot(join(folder, 'root'));
    const own = `${archive}.${process.pid}`;
    execFileSync('tar', ['-C', join(folder, 'root'), '-cf', own, '--owner=0', '--group=0', '.']);
    // Whole or not at all, also when two make it at the same time.
    renameSync(own, archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** A file system with the programs, what they are linked against, npm, and the few files that they look for. */
const makeRoot = (root: string): void => {
  for (const path of [
    'usr/bin',
    'usr/lib',
    'usr/lib64',
    'etc/ssl/certs',
    'root',
    'proc',
    'sys',
    'dev',
    'run',
    'var/tmp',
  ])
    mkdirSync(join(root, path), { recursive: true });
  mkdirSync(join(root, 'tmp'));
  // As everywhere; a tmpfs that is mounted over it takes its mode over. The umask would cut it.
  chmodSync(join(root, 'tmp'), 0o1777);
  for (const name of ['bin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  const copy = (from: string, to = from): void => {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    cpSync(realpathSync(from), join(root, to), { recursive: true, dereference: true });
  };
  for (const name of PROGRAMS) {
    const path = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    copy(path, `/usr/bin/${name}`);
    for (const [library] of execFileSync('ldd', [path], { encoding: 'utf8' }).matchAll(/\/\S+\.so\S*/g))
      if (!existsSync(join(root, library))) copy(library);
  }
  // What a prebuilt package may expect of every system: the other parts of the C library stand beside it.
  const library = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(/\/\S+\/libc\.so\S*/)?.[0] ?? '';
  for (const name of readdirSync(dirname(library || '/lib')))
    if (/^lib(resolv|rt|util|anl|nss_\w+)[.-].*so/.test(name)) copy(join(dirname(library), name));
  const npm = dirname(dirname(realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim())));
  copy(npm, '/usr/lib/node_modules/npm');
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/bin/npm'));
  copy('/etc/ssl/certs/ca-certificates.crt');
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/tmp:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnode:x:1000:\n');
  writeFileSync(join(root, 'root/.npmrc'), 'audit=false\nfund=false\nupdate-notifier=false\nprefer-offline=true\n');
};
