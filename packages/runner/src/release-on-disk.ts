/** Whether the application was changed below a runner. */
import type { AppConfig } from '@flamejs/queue';
import { deriveRelease } from '@flamejs/queue/internal';

/** It goes by the name of what was there when it started: a runner of the new release must take its place. */
export const isOtherRelease = ({ release, releaseDerived, root }: AppConfig): boolean =>
  releaseDerived === true && deriveRelease(root) !== release;
