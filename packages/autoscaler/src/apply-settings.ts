/** Live overrides take effect at the next tick; each change, and each refusal, is an event with who and when. */
import type { PoolContext } from './pool-context.ts';
import type { PoolSnapshot } from './store/store.ts';
import { readSettings } from './tuning/settings.ts';

export const applySettings = (ctx: PoolContext, { settings: raw, now }: PoolSnapshot): void => {
  const text = JSON.stringify(Object.entries(raw).sort(([a], [b]) => (a < b ? -1 : 1)));
  const before = ctx.memory.settingsText;
  if (text === before) return;
  ctx.memory.settingsText = text;
  const settings = readSettings(ctx.pool, raw);
  if (settings.ok) ctx.memory.effective = settings.effective;
  // What stood there already when this leader came was recorded by its predecessor.
  const isNew = before !== null || settings.at > now - 60_000;
  if (!isNew || (before === null && Object.keys(raw).length === 0)) return;
  const who = settings.by === '' ? 'somebody' : settings.by;
  ctx.emit({
    type: 'pool.settings',
    reason: settings.ok ? `changed by ${who}` : `refused, as set by ${who}: ${settings.problems.join('; ')}`,
    details: { ...raw, applied: settings.ok },
  });
  if (!settings.ok) ctx.log.error({ problems: settings.problems, by: settings.by }, 'live settings are refused');
};
