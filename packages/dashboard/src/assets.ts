/** What pages load: our own files, and the charting library that the build puts beside them. Nothing comes from elsewhere. */
import { fileURLToPath } from 'node:url';
import { listStaticFiles, type StaticFiles } from './static-files.ts';

const ASSETS = fileURLToPath(new URL('../assets/', import.meta.url));

export const listAssets = (): Promise<StaticFiles> => listStaticFiles(ASSETS);
