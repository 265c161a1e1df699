/** Who gives an order. */
import { hostname, userInfo } from 'node:os';

/** For the record only: whoever may write to Redis could claim any name. */
export const whoami = (): string => {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname();
  }
};
