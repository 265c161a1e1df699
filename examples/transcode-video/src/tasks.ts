import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { flame } from './flame.ts';

const QUIET = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
/** VP8, so that every build of ffmpeg has what it takes. */
const FORMAT = ['-c:v', 'libvpx', '-deadline', 'realtime', '-b:v', '300k', '-an'];

/** Half as wide and high, as WebM. Tells as progress how much of it is done, in per cent. */
export const halve = flame.fn('halve', { pool: 'video', timeout: '10m', retries: 1 }, async (video: Buffer) => {
  const folder = await mkdtemp(join(tmpdir(), 'video-'));
  try {
    const [input, output] = [join(folder, 'input'), join(folder, 'output.webm')];
    await writeFile(input, video);
    const seconds = await durationOf(input);
    const scale = ['-vf', 'scale=iw/2:-2'];
    await ffmpeg([...QUIET, '-progress', 'pipe:1', '-i', input, ...scale, ...FORMAT, output], (done) =>
      flame.context().progress(Math.min(100, Math.round((done / seconds) * 100))),
    );
    return await readFile(output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

const durationOf = async (file: string): Promise<number> => {
  const query = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file];
  const { stdout } = await promisify(execFile)('ffprobe', query, { signal: flame.context().signal });
  return Number(stdout);
};

/** @param onTime hears the seconds of the video that are done. */
const ffmpeg = async (args: readonly string[], onTime: (seconds: number) => void): Promise<void> => {
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'inherit'], signal: flame.context().signal });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const [, microseconds] = /^out_time_us=(\d+)$/.exec(line) ?? [];
    if (microseconds !== undefined) onTime(Number(microseconds) / 1e6);
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(`ffmpeg ended with code ${code}; what it said is in the log of the call`);
};
