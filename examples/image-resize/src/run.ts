/** The application: every photograph in every width, on runners that are not there yet and will be gone afterwards. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createAutoscaler } from 'flamejs/autoscaler';
import { pino } from 'pino';
import config from '../flame.config.ts';
import { contactSheet, type SheetPhoto, type SheetPicture, size } from './contact-sheet.ts';
import { createDisplay } from './display.ts';
import { flame } from './flame.ts';
import { fleet } from './fleet.ts';
import { mapLimit } from './map-limit.ts';
import { type Photo, readPhotos } from './photos.ts';
import { resizeImage } from './tasks/resize.ts';
import { thumbnail } from './thumbnails.ts';
import { UnreadableImageError } from './unreadable-image-error.ts';

const widths = [96, 160, 240, 320, 480, 640];
const atOnce = 12;
const backToZeroWithinMs = 60_000;
const { values, positionals } = parseArgs({ allowPositionals: true, options: { closures: { type: 'boolean' } } });
/** Where the pictures and the contact sheet go: the first argument, else `out`. */
const out = resolve(positionals[0] ?? 'out');

export const run = async (signal: AbortSignal): Promise<void> => {
  const display = createDisplay();
  fleet.reportTo(display.line);
  const photos = await readPhotos();
  const jobs = photos.flatMap((photo) => widths.map((width) => ({ photo, width })));
  const { min, max, maxConcurrency } = config.pools.images ?? {};
  display.line(`${photos.length} photographs in ${widths.length} widths: ${jobs.length} calls to the pool "images"`);
  display.line(`(runners: min ${min}, max ${max}; ${maxConcurrency} calls at once on each)\n`);

  const autoscaler = createAutoscaler(config, { logger: pino({ level: 'warn' }, pino.destination(2)) });
  try {
    await autoscaler.start();

    const startedAt = performance.now();
    let firstMs = 0;
    let done = 0;
    const outcomes = await mapLimit(jobs, atOnce, async ({ photo, width }) => {
      const outcome = await resize(photo, width, signal);
      done += 1;
      firstMs ||= performance.now() - startedAt;
      display.progress(done, jobs.length, fleet.ready());
      return outcome;
    });
    const workMs = performance.now() - startedAt;
    display.finish();
    display.line(`\nAll ${jobs.length} calls have ended. Waiting for the runners to go …`);
    await untilNoRunners(signal);

    const sheet = sheetPhotos(photos, outcomes);
    const pictures = sheet.flatMap((photo) => photo.pictures);
    const failed = sheet.filter((photo) => photo.error !== undefined);
    const sent = jobs.reduce((sum, { photo }) => sum + photo.image.length, 0);
    const received = pictures.reduce((sum, { webp }) => sum + webp.length, 0);
    const facts: [string, string][] = [
      ['Runners', `0 → ${fleet.peak()} → ${fleet.notGone()} (${fleet.started()} started)`],
      ['Calls', `${jobs.length}: ${pictures.length} pictures, ${jobs.length - pictures.length} refused`],
      ['First result', `${(firstMs / 1_000).toFixed(1)} s, from no runner at all`],
      ['All results', `${(workMs / 1_000).toFixed(1)} s`],
      ['Bytes', `${size(sent)} sent, ${size(received)} received`],
    ];
    await writeResults(sheet, facts);
    display.line('');
    for (const [name, value] of facts) display.line(`${name.padEnd(13)}${value}`);
    for (const { name, error } of failed)
      display.line(`${'Unreadable'.padEnd(13)}${name}: ${error?.name}: ${error?.message}`);
    display.line(
      `${'To look at'.padEnd(13)}${relative(process.env.INIT_CWD ?? process.cwd(), join(out, 'index.html'))}`,
    );
  } finally {
    display.finish();
    await flame.close();
    await autoscaler.stop();
  }
};

type Outcome = SheetPicture | UnreadableImageError;

/** One picture that cannot be read is a result like any other; whatever else goes wrong ends the run. */
const resize = async ({ name, image }: Photo, width: number, signal: AbortSignal): Promise<Outcome> => {
  const startedAt = performance.now();
  try {
    const webp = values.closures
      ? await thumbnail(image, width)
      : await flame.call(resizeImage.with({ signal }), image, width);
    const file = `${name.replace(/\.\w+$/, '')}-${width}.webp`;
    return { width, file, webp, ms: performance.now() - startedAt };
  } catch (error) {
    if (error instanceof UnreadableImageError) return error;
    throw error;
  }
};

const untilNoRunners = async (signal: AbortSignal): Promise<void> => {
  const endsAt = performance.now() + backToZeroWithinMs;
  while (fleet.notGone() > 0) {
    if (performance.now() > endsAt)
      throw new Error(`${fleet.notGone()} runners are still there after ${backToZeroWithinMs} ms`);
    await sleep(50, undefined, { signal });
  }
};

const sheetPhotos = (photos: readonly Photo[], outcomes: readonly Outcome[]): readonly SheetPhoto[] =>
  photos.map(({ name, image }, index) => {
    const own = outcomes.slice(index * widths.length, (index + 1) * widths.length);
    const failure = own.find((outcome) => outcome instanceof UnreadableImageError);
    return {
      name,
      bytes: image.length,
      pictures: own.flatMap((outcome) => (outcome instanceof UnreadableImageError ? [] : [outcome])),
      ...(failure === undefined ? {} : { error: failure }),
    };
  });

const writeResults = async (sheet: readonly SheetPhoto[], facts: readonly [string, string][]): Promise<void> => {
  await mkdir(out, { recursive: true });
  const pictures = sheet.flatMap((photo) => photo.pictures);
  await Promise.all(pictures.map(({ file, webp }) => writeFile(join(out, file), webp)));
  await writeFile(join(out, 'index.html'), contactSheet(sheet, facts));
};
