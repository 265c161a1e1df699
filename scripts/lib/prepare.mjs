// What every command of this repository needs before it can start, on a machine with nothing but Node: the
// dependencies, a Redis server, and the built packages. Plain Node: none of it may import from node_modules.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, root, StepError, say, step } from './run.mjs';

const oldest = [20, 19];

export const prepare = async ({
  redis = true,
  browser = false,
  clocks = false,
  engine = false,
  video = false,
  build = true,
} = {}) => {
  checkNode();
  await ensureDependencies();
  if (redis) process.env.FLAME_REDIS_SERVER = await ensureRedis();
  if (browser) await ensureChromium();
  if (clocks) await ensureFaketime();
  if (engine) await ensureEngine();
  if (video) await ensureFfmpeg();
  if (build) await buildPackages();
};

const checkNode = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  throw new StepError(`Node ${oldest.join('.')} or newer is needed; this is ${process.versions.node}.`);
};

/** Installs exactly what package-lock.json says, unless that is what stands in node_modules already. */
const ensureDependencies = async () => {
  const flags = ['--no-audit', '--no-fund', '--loglevel=error'];
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) {
    say('Installing dependencies (npm ci) …');
    await step('Dependencies', 'npm', ['ci', ...flags], { quiet: true });
  } else if (isStale()) {
    // `install` rather than `ci`: it changes what differs and does not pull the folder from under a running editor or server.
    say('package-lock.json has changed: updating dependencies (npm install) …');
    await step('Dependencies', 'npm', ['install', ...flags], { quiet: true });
  }
};

// npm leaves in node_modules a lock file of what it installed. Optional packages of other platforms stand only in ours.
const isStale = () => {
  const wanted = readLock('package-lock.json');
  const installed = readLock('node_modules/.package-lock.json');
  return Object.entries(wanted).some(([path, entry]) => {
    if (!path.includes('node_modules/')) return false;
    const found = installed[path];
    if (found === undefined) return entry.optional !== true && entry.peer !== true;
    return found.version !== entry.version;
  });
};

const readLock = (path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;

/** @returns the path of a redis-server or valkey-server, installed by the system's package manager if there was none. */
const ensureRedis = async () => {
  if (process.platform === 'win32') {
    throw new StepError('Flame runs on Linux and macOS; on Windows use WSL 2.', 3);
  }
  // stderr stays on the terminal: the script says what it installs, and sudo may ask.
  const { code, stdout } = await execute('sh', [join(root, 'scripts/setup.sh')], { quiet: 'stdout' });
  if (code !== 0) throw new StepError('A Redis server is needed; see above.', code);
  return stdout.trim().split('\n').at(-1);
};

// Where it cannot be had, the browser tests fail and say what to do; all others still tell something.
const ensureChromium = async () => {
  const { code, stdout } = await execute('sh', [join(root, 'scripts/setup.sh'), '--with', 'chromium'], {
    quiet: 'stdout',
  });
  if (code === 0) process.env.FLAME_CHROMIUM = stdout.trim().split('\n').at(-1);
};

// Where it cannot be had, the tests of wrong clocks are skipped, and say so.
const ensureFaketime = async () => {
  const { code, stdout } = await execute('sh', [join(root, 'scripts/setup.sh'), '--with', 'faketime'], {
    quiet: 'stdout',
  });
  if (code === 0) process.env.FLAME_FAKETIME = stdout.trim().split('\n').at(-1);
};

// Only where it costs nobody anything to ask: as root on Linux. Where it cannot be had, the container tests are skipped and
// say this reason.
const ensureEngine = async () => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  const { code } = await execute('sh', [join(root, 'scripts/setup.sh'), '--with', 'podman'], {
    quiet: 'stdout',
    timeoutMs: 180_000,
  });
  if (code !== 0) process.env.FLAME_NO_ENGINE = `podman could not be installed (setup.sh --with podman: ${code})`;
};

const ensureFfmpeg = async () => {
  const { code } = await execute('sh', [join(root, 'scripts/setup.sh'), '--with', 'ffmpeg'], { quiet: 'stdout' });
  if (code !== 0) throw new StepError('ffmpeg is needed; see above.', code);
};

const buildPackages = () =>
  step('Build', join(root, 'node_modules/.bin/turbo'), ['run', 'build', '--output-logs=errors-only'], {
    quiet: true,
    env: { TURBO_TELEMETRY_DISABLED: '1', FORCE_COLOR: process.stdout.isTTY ? '1' : '0' },
  });
