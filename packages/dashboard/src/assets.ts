/** What pages load: our own files, and the charting library beside them. Nothing is built and nothing comes from elsewhere. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listStaticFiles, type StaticFiles } from './static-files.ts';

const ASSETS = fileURLToPath(new URL('../assets/', import.meta.url));

export const listAssets = async (): Promise<StaticFiles> => {
  const charts = dirname(createRequire(import.meta.url).resolve('uplot'));
  return listStaticFiles(ASSETS, {
    'vendor/uplot.js': join(charts, 'uPlot.esm.js'),
    'vendor/uplot.css': join(charts, 'uPlot.min.css'),
  });
};
