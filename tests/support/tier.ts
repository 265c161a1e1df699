/** Sizes of the tests: `push` fits into every CI run, `nightly` (FLAME_TIER=nightly) is the full size. */

export const tier: 'push' | 'nightly' = process.env.FLAME_TIER === 'nightly' ? 'nightly' : 'push';

/** @returns the value for the tier that runs: `const rounds = bySize({ push: 100, nightly: 1_000 })`. */
export const bySize = <T>(sizes: { readonly push: T; readonly nightly: T }): T => sizes[tier];
