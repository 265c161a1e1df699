/** The simulator's clock is the model's: both run the real loop on it. */
export { quiet, type VirtualClock, virtualClock } from '../../src/simulator/virtual-clock.ts';
