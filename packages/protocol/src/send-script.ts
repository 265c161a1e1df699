/**
 * Sends a script again when the server says that it does not know it: then it has not run. The client does so once by
 * itself, which is not enough when a script cache is emptied again and again while many commands are under way.
 */
const TRIES = 8;

export const sendScript = async <T>(send: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await send();
    } catch (error) {
      if (tries === TRIES || !(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    }
  }
};
