/** What goes wrong with machines: thrown by backends, and passed on to callers whose calls cannot start. */
import { FlameError, type FlameErrorOptions, nameErrorClass } from './base.ts';

/** Why a launch failed. Only `unknown` may have launched something; every other kind is a definite no. */
export type LaunchErrorKind = 'capacity' | 'quota' | 'throttled' | 'auth' | 'invalid' | 'unknown';

/**
 * A backend could not launch, list or terminate instances. Thrown by backends, handled by the autoscaler. Of a failed
 * launch only kind `unknown` may have left an instance behind.
 */
export class FlameLaunchError extends FlameError {
  static override readonly code = 'FLAME_ERR_LAUNCH';
  static override readonly advice =
    "Act on `kind`: 'capacity' passes or needs another type or zone, 'quota' needs a raise, 'auth' a permission, 'invalid' a corrected backend option.";
  declare readonly code: 'FLAME_ERR_LAUNCH';
  readonly kind: LaunchErrorKind;
  /** The provider's own code: `InsufficientInstanceCapacity`, `ENOENT`, …; `null` when it gave none. */
  readonly providerCode: string | null;

  static {
    nameErrorClass(FlameLaunchError, 'FlameLaunchError');
  }

  constructor(
    message: string,
    options: FlameErrorOptions & { readonly kind: LaunchErrorKind; readonly providerCode?: string | null | undefined },
  ) {
    super(message, options);
    this.kind = options.kind;
    this.providerCode = options.providerCode ?? null;
  }
}

/** Runners for the call's pool keep failing to boot. `reason` is what the provider or the runner's own log said last. */
export class FlameBootError extends FlameError {
  static override readonly code = 'FLAME_ERR_BOOT';
  static override readonly advice =
    'Run `npx flamejs doctor`, which loads the modules as runners do; `reason` says why the last runner did not boot.';
  declare readonly code: 'FLAME_ERR_BOOT';
  readonly reason: string;

  static {
    nameErrorClass(FlameBootError, 'FlameBootError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly reason: string }) {
    super(message, options);
    this.reason = options.reason;
  }
}
