/** Typed access to parameters that the model has already checked. */
import type { Params, ParamValue } from './query.ts';

const isParams = (value: ParamValue | undefined): value is Params =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text = (params: Params | undefined, name: string): string | undefined => {
  const value = params?.[name];
  return typeof value === 'string' ? value : undefined;
};

export const integer = (params: Params | undefined, name: string): number | undefined => {
  const value = params?.[name];
  return typeof value === 'number' ? value : undefined;
};

export const group = (params: Params, name: string): Params | undefined => {
  const value = params[name];
  return isParams(value) ? value : undefined;
};

export const texts = (params: Params | undefined, name: string): readonly string[] => {
  const value = params?.[name];
  return Array.isArray(value) ? value.filter((item: ParamValue): item is string => typeof item === 'string') : [];
};

export const groups = (params: Params | undefined, name: string): readonly Params[] => {
  const value = params?.[name];
  return Array.isArray(value) ? value.filter((item: ParamValue): item is Params => isParams(item)) : [];
};
