/** Creates and starts a container; whoever asks for the same runner again gets the container that there is. */
import { FlameLaunchError, type Instance, type LaunchRequest } from '@flamejs/queue';
import type Docker from 'dockerode';
import { containerSpec, LABEL } from './container-spec.ts';
import { dockerError, isNameTaken, statusOf } from './errors.ts';
import { type DockerSettings, imageOf } from './options.ts';
import { pullImage } from './pull.ts';
import { fromInspect } from './to-instance.ts';

export const launchContainer = async (
  request: LaunchRequest,
  docker: Docker,
  settings: DockerSettings,
  signal: AbortSignal,
): Promise<Instance> => {
  const container = docker.getContainer(request.runnerId);
  try {
    await create(request, docker, settings, signal);
    const found = await container.inspect({ abortSignal: signal });
    const labels = found.Config.Labels ?? {};
    if (labels[LABEL.app] !== request.app || labels[LABEL.runnerId] !== request.runnerId) {
      throw new FlameLaunchError(`docker: a container that is not of this app is named ${request.runnerId}`, {
        kind: 'invalid',
      });
    }
    // Only what was never started is started: one that has ended must not come back by a late replay.
    if (found.State.Status !== 'created') return fromInspect(found);
    await container.start({ abortSignal: signal }).catch((error: unknown) => {
      if (statusOf(error) !== 304) throw error;
    });
    return fromInspect(await container.inspect({ abortSignal: signal }));
  } catch (error) {
    throw dockerError(`launch ${request.runnerId}`, error);
  }
};

const create = async (
  request: LaunchRequest,
  docker: Docker,
  settings: DockerSettings,
  signal: AbortSignal,
): Promise<void> => {
  const spec = containerSpec(request, settings);
  for (let tries = 0; ; tries++) {
    try {
      await docker.createContainer({ ...spec, abortSignal: signal });
      return;
    } catch (error) {
      // The name is taken: by an earlier try of the same launch, or by one that runs at the same time.
      if (isNameTaken(error)) return;
      const imageMissing = statusOf(error) === 404;
      if (!imageMissing || settings.pull === 'never' || tries > 0) throw error;
      await pullImage(docker, imageOf(settings, request.release), signal);
    }
  }
};
