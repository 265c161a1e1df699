/** The thread in which large values are decoded and made readable. */
import { parentPort } from 'node:worker_threads';
import { type PreviewRequest, preview } from './preview.ts';

parentPort?.postMessage('ready');
parentPort?.on('message', ({ id, request }: { readonly id: number; readonly request: PreviewRequest }) => {
  parentPort?.postMessage({ id, shown: preview(request) });
});
