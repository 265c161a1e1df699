/** The backend over any API: the real one has the official client behind it, the tests a cluster in memory. */
import type { Backend, BackendDefaults } from '@flamejs/queue';
import { bootsWith, IMAGE, ofRelease } from '../by-release.ts';
import type { Api } from './api.ts';
import { checkRights } from './check.ts';
import { kubernetesError } from './errors.ts';
import { launchPod } from './launch.ts';
import { createNoRoom } from './no-room.ts';
import type { KubernetesSettings } from './options.ts';
import { type OwnPod, readOwnPod } from './own-pod.ts';
import { idOf, isEnded, LABEL } from './pod.ts';
import { labelText, type PodBase, podSpec } from './pod-spec.ts';
import { createEnder } from './terminate.ts';
import type { Time } from './time.ts';
import { toInstance } from './to-instance.ts';
import { createTombs, KEEP_MS } from './tombs.ts';
import { createView, type View } from './view.ts';

const DEFAULTS: BackendDefaults = {
  // Time for a node to be added, and for an image to be pulled.
  bootTimeoutMs: 5 * 60_000,
  idleShutdownAfterMs: 60_000,
  tickMs: 2_000,
  fastTickMs: 500,
  heartbeatTimeoutMs: 10 * 60_000,
  failsafeTimeoutMs: 10 * 60_000,
  launchesPerTick: 20,
};

export const createBackend = (
  settings: KubernetesSettings,
  api: Api,
  time: Time,
  env: Readonly<Record<string, string | undefined>>,
): Backend => {
  const views = new Map<string, View>();
  const tombs = createTombs(api, time);
  const noRoom = createNoRoom(api, time);
  let found: Promise<string> | undefined;
  let own: Promise<OwnPod> | undefined;

  const namespace = (): Promise<string> => {
    found ??= Promise.resolve(settings.namespace ?? env.FLAME_POD_NAMESPACE ?? api.namespace()).catch((error) => {
      found = undefined;
      throw error;
    });
    return found;
  };
  const ender = createEnder(api, namespace, time);

  const viewOf = async (app: string): Promise<View> => {
    const view = views.get(app) ?? createView(api, await namespace(), app, time);
    // Two that asked at once take the first one's.
    if (!views.has(app)) views.set(app, view);
    return views.get(app) ?? view;
  };

  /** What stays the same for as long as this process lives. */
  const ownPod = (signal: AbortSignal): Promise<OwnPod> => {
    own ??= readOwnPod(api, env, settings.owned, signal).catch((error: unknown) => {
      own = undefined;
      throw error;
    });
    return own;
  };

  const baseOf = async (release: string, signal: AbortSignal): Promise<PodBase> => {
    const { image, imagePullSecrets, owned } = settings;
    const self = image === undefined || owned ? await ownPod(signal) : undefined;
    return {
      image: image === undefined ? (self?.image ?? '') : ofRelease(image, release, IMAGE, 'kubernetes({ image })'),
      pullSecrets: imagePullSecrets ?? (image === undefined ? (self?.pullSecrets ?? []) : []),
      owner: self?.owner,
    };
  };

  return {
    name: 'kubernetes',
    defaults: DEFAULTS,
    ...(settings.image === undefined ? {} : bootsWith(settings.image)),
    async launch(request, signal) {
      const body = podSpec(request, settings, await baseOf(request.release, signal));
      const parts = { api, namespace: await namespace(), view: await viewOf(request.app), time };
      return launchPod(request, body, parts, signal);
    },
    async list(app, signal) {
      const view = await viewOf(app);
      try {
        // The server filters; that a pod is ours is too important to leave to one filter.
        const pods = (await view.pods(signal)).filter(
          ({ metadata }) => metadata.labels?.[LABEL.app] === labelText(app),
        );
        const space = await namespace();
        await tombs.sweep(pods.filter(isEnded), space, signal);
        const told = settings.events ? await noRoom.look(pods, space, signal) : new Map<string, string>();
        const gone = view.gone().filter(({ at }) => time.now() - at < KEEP_MS);
        const present = new Set(pods.map(({ metadata }) => metadata.name));
        return [
          ...pods.map((pod) => {
            const noRoomFor = told.get(idOf(pod));
            return toInstance(pod, noRoomFor === undefined ? {} : { noRoom: noRoomFor });
          }),
          ...gone
            .filter(({ pod }) => !present.has(pod.metadata.name))
            .map(({ pod }) => toInstance(pod, { deleted: true })),
        ];
      } catch (error) {
        throw kubernetesError('list pods', error);
      }
    },
    terminate: (ids, signal, { silent = new Set<string>() } = {}) =>
      Promise.all(
        [...new Set(ids)].map((id) => {
          const name = id.split('@')[0] ?? '';
          const view = [...views.values()].find((each) => each.known(name) !== undefined);
          return ender.end(id, view, silent, signal);
        }),
      ),
    async check(signal) {
      await checkRights(api, await namespace(), signal);
      if (settings.image === undefined || settings.owned) await ownPod(signal);
    },
    async close() {
      for (const view of views.values()) view.stop();
      views.clear();
      api.close();
    },
  };
};
