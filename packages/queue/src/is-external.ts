/** Tells pools whose runners a platform starts and ends from those whose autoscaler does. */
import type { ExternalScaling, PoolBackend } from './backend.ts';

/** @returns whether a platform scales the pool: the runner makes its own id, and nothing can be launched or ended. */
export const isExternal = (backend: PoolBackend | undefined): backend is ExternalScaling =>
  backend !== undefined && 'scaledBy' in backend && backend.scaledBy === 'platform';
