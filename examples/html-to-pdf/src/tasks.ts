import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { flame } from './flame.ts';

/** As its packages call it; `FLAME_CHROMIUM` names another one, and the config passes that to executors. */
const chromium = process.env.FLAME_CHROMIUM ?? 'chromium';
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--no-pdf-header-footer'];

/** A browser prints the page. Its files go with the call: the executor's folder serves many. */
export const htmlToPdf = flame.fn('htmlToPdf', { timeout: '2m', retries: 1 }, async (html: string): Promise<Buffer> => {
  const folder = await mkdtemp(join(tmpdir(), 'pdf-'));
  try {
    const [page, pdf] = [join(folder, 'page.html'), join(folder, 'page.pdf')];
    await writeFile(page, html);
    const profile = `--user-data-dir=${join(folder, 'profile')}`;
    await promisify(execFile)(chromium, [...flags, profile, `--print-to-pdf=${pdf}`, `file://${page}`], {
      signal: flame.context().signal,
    });
    return await readFile(pdf);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
