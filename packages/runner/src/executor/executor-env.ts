/** The environment of executors: the runner's, without what user code must not have. Pure. */
import { EXECUTOR_ENV, MARK_ENV } from './markers.ts';
import { inheritableNodeOptions } from './node-options.ts';

/** Whoever holds these can enqueue, sign and read calls; nested calls go through the runner instead. */
const SECRETS = /^(FLAME_REDIS_URL|FLAME_SIGNING_KEY|FLAME_ENCRYPTION_KEYS|REDIS_URL)(_FILE)?$/;

/** @param extra the pool's own variables; it wins, also over what is left out. */
export const executorEnv = (
  own: NodeJS.ProcessEnv,
  extra: Readonly<Record<string, string>>,
  mark: string,
): Record<string, string> => {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(own))
    if (value !== undefined && name !== 'NODE_OPTIONS' && !SECRETS.test(name)) env[name] = value;
  const nodeOptions = inheritableNodeOptions(own.NODE_OPTIONS);
  if (nodeOptions !== undefined) env.NODE_OPTIONS = nodeOptions;
  return { ...env, ...extra, [EXECUTOR_ENV]: '1', [MARK_ENV]: mark };
};
