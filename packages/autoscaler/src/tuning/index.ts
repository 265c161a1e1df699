/** Settings of a running pool: what they may be, and what they would have done. `flamejs/tuning` */
import type { Tuner } from '@flamejs/queue';
import { changeSettings } from './change-settings.ts';
import { replay } from './replay.ts';
import { configured, readSettings } from './settings.ts';

/** For `createDashboard(config, { tuner })`. */
export const tuner: Tuner = { configured, read: readSettings, change: changeSettings, replay };
