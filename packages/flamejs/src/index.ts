/** Flame: one install. Everything that an application imports is here or in a subpath. */
export * from '@flamejs/queue';
