/** The function that a name means, found as a runner finds it: by loading the application's modules. */
import { pathToFileURL } from 'node:url';
import type { AnyFlameFunction, AppConfig } from '@flamejs/queue';

/** @throws FlameUnknownFunctionError that names what was probably meant; what a module throws when it is loaded */
export const findTask = async (config: AppConfig, name: string): Promise<AnyFlameFunction> => {
  const [
    { defineFunction, didYouMean, FlameUnknownFunctionError, findFunction, isFlameFunction, knownFunctions },
    loading,
  ] = await Promise.all([import('@flamejs/queue/internal'), import('@flamejs/queue/load-config')]);
  const { findModules } = await import('@flamejs/runner');
  const patterns = [...new Set(Object.values(config.pools).flatMap(({ functions }) => functions))];
  const modules = await findModules(patterns, config.root);
  for (const file of modules) {
    await loading.prepareToLoad(file, config.root);
    const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    const found = Object.values(exported).find((value) => isFlameFunction(value) && value.flameName === name);
    if (found !== undefined) return found as AnyFlameFunction;
  }
  const registered = findFunction(name);
  // Not exported; the same function under the same name again is no other one.
  if (registered !== undefined) {
    const { pool, handler } = registered;
    return defineFunction(name, pool === undefined ? {} : { pool }, handler as () => unknown) as AnyFlameFunction;
  }
  const known = knownFunctions();
  const message = `no function "${name}" in ${patterns.join(', ')}; there are ${known.join(', ') || 'none'}.${didYouMean(name, known)}`;
  throw new FlameUnknownFunctionError(message, { functionName: name, known });
};
