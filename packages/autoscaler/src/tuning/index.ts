/** Settings of a running pool: what they may be, and what they would have done. `@flamejs/autoscaler/tuning` */
export { type ChangedSettings, changeSettings, type SettingsChange, TUNABLE } from './change-settings.ts';
export { type HistorySample, type Replay, type ReplayTotals, replay } from './replay.ts';
export { configured, type EffectivePool, readSettings, type Settings } from './settings.ts';
