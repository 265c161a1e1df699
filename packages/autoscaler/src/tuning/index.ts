/** Settings of a running pool: what they may be, and what they would do with calls. `flamejs/tuning` */
import type { Tuner } from '@flamejs/queue';
import { exampleTrace, exampleTraces } from '../simulator/example-traces.ts';
import { search } from '../simulator/search.ts';
import { simulate } from '../simulator/simulate.ts';
import { parseTrace, traceOfSamples } from '../simulator/trace.ts';
import { changeSettings } from './change-settings.ts';
import { recorded, replay } from './replay.ts';
import { configured, readSettings } from './settings.ts';

export { plot } from '../simulator/plot.ts';

/** For `createDashboard(config, { tuner })`. */
export const tuner: Tuner = {
  configured,
  read: readSettings,
  change: changeSettings,
  simulate,
  search,
  traces: { ofSamples: traceOfSamples, parse: parseTrace, example: exampleTrace, examples: exampleTraces },
  recorded,
  replay,
};
