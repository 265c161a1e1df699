/** Entry of an executor thread. */
import { workerData } from 'node:worker_threads';
import type { ThreadData } from '../thread-link.ts';
import { serve } from './serve.ts';
import { openThreadPort } from './thread-port.ts';

const { loaders } = workerData as ThreadData;
const port = openThreadPort();
for (const loader of loaders) ((await import(loader)) as { register(): unknown }).register();
serve(port, false);
