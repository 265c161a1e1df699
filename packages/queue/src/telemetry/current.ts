/** The telemetry of this process: that of its flame object, which functions in an executor do not pass around. */
import type { Telemetry } from './types.ts';

const TELEMETRY = Symbol.for('@flamejs/telemetry');
/** One for all copies of this package in the process. */
const holder = globalThis as { [TELEMETRY]?: Telemetry | undefined };

export const setTelemetry = (telemetry: Telemetry | undefined): void => {
  if (telemetry !== undefined) holder[TELEMETRY] = telemetry;
};

export const currentTelemetry = (): Telemetry | undefined => holder[TELEMETRY];
