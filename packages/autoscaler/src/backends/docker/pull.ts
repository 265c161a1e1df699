import type Docker from 'dockerode';

/** Pulls an image to the end. @throws what the daemon or the registry answered */
export const pullImage = async (docker: Docker, image: string, signal: AbortSignal): Promise<void> => {
  const stream = await docker.pull(image, { abortSignal: signal });
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    // The daemon answers 200 at once and reports failures in the stream.
    docker.modem.followProgress(stream, (error) => {
      signal.removeEventListener('abort', abort);
      if (error) reject(error);
      else resolve();
    });
  });
};
