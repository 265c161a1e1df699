/** EC2 counts vCPUs per group of instance families; a quota error parks the whole group in the region, not one type. */

/** @returns the group that a type's quota belongs to: `standard` for A, C, D, H, I, M, R, T and Z. */
export const quotaGroup = (type: string): string => {
  const family = /^[a-z]+/.exec(type)?.[0] ?? type;
  const own = ['inf', 'trn', 'dl', 'hpc', 'mac', 'vt'].find((prefix) => family.startsWith(prefix));
  if (own !== undefined) return own === 'vt' ? 'g' : own;
  if (family.startsWith('g')) return 'g';
  return /^[acdhimrtz]/.test(family) ? 'standard' : family.charAt(0);
};
