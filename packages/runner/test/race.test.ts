/** F34 in the push tier: a hundred rounds of calls racing with drains. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tier } from '../../../tests/support/tier.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { type RunnerProcess, type Stage, startStage } from './support.ts';

let stage: Stage;
let runner: RunnerProcess;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());
