/**
 * What ties a runner to the virtual machine that it runs on: it says that it has contact, or the machine's dead-man timer
 * runs out; and it hears when the machine is about to be taken away. Elsewhere (local processes, plain containers) the
 * environment names nothing of this and nothing happens.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Logger } from 'pino';
import { type SpotNotice, watchSpotNotice } from './spot-notice.ts';

export interface MachineLink {
  /** Redis has answered. Cheap: the machine is told at most every 15 s. */
  contact(): void;
  close(): void;
}

export interface MachineActions {
  /** The machine will end: drain within the pool's `shutdownTimeout`. */
  stop(reason: string): void;
  /** The machine may end: take nothing new, let running calls finish in their own time. */
  retire(reason: string): void;
  /** There is no time left: what still runs goes back to the queue. */
  cutShort(): void;
}

export interface MachineLinkOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly actions: MachineActions;
  /** Between two looks for notices, ms; see `watchSpotNotice`. */
  readonly everyMs?: number;
}

const CONTACT_MS = 15_000;
/** A notice comes two minutes ahead; the last ten seconds are for handing calls back. */
const NOTICE_MS = 120_000;
const LAST_MS = 10_000;

/** Reads FLAME_CONTACT_FILE, FLAME_NOTICE_DIR and FLAME_IMDS_ENDPOINT. */
export const linkMachine = ({ env, logger, actions, everyMs }: MachineLinkOptions): MachineLink => {
  const contactFile = env.FLAME_CONTACT_FILE || undefined;
  let touchedAt = Number.NEGATIVE_INFINITY;
  let complained = false;
  let last: NodeJS.Timeout | undefined;

  const touch = async (file: string): Promise<void> => {
    const now = new Date();
    try {
      await touchFile(file, now);
    } catch (error) {
      if (!complained) logger.error({ err: error, file }, 'contact cannot be reported: the machine will end itself');
      complained = true;
    }
  };

  const onNotice = ({ kind, endsAt }: SpotNotice): void => {
    if (kind === 'rebalance') {
      logger.warn('this machine is at risk of being interrupted: nothing new is taken');
      actions.retire('spot rebalance recommendation');
      return;
    }
    // Clocks may differ by more than the notice; what is left is never more than a notice's length.
    const leftMs = Math.min(NOTICE_MS, Math.max(0, endsAt === null ? NOTICE_MS : endsAt - Date.now()));
    logger.warn({ endsAt, leftMs }, 'this machine is taken away');
    last = setTimeout(() => actions.cutShort(), Math.max(0, leftMs - LAST_MS));
    last.unref();
    actions.stop('spot interruption');
  };
  const watch = watchSpotNotice({
    folder: env.FLAME_NOTICE_DIR || undefined,
    endpoint: env.FLAME_IMDS_ENDPOINT || undefined,
    onNotice,
    ...(everyMs === undefined ? {} : { everyMs }),
  });

  return {
    contact() {
      if (contactFile === undefined || performance.now() - touchedAt < CONTACT_MS) return;
      touchedAt = performance.now();
      void touch(contactFile);
    },
    close() {
      watch.stop();
      clearTimeout(last);
    },
  };
};

/** A link in its place is not followed: in a directory that others write to it may lead to one of their choosing. */
const touchFile = async (file: string, now: Date): Promise<void> => {
  const found = await open(file, constants.O_WRONLY | constants.O_NOFOLLOW).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const handle = found ?? (await open(file, 'wx'));
  await (found === undefined ? Promise.resolve() : handle.utimes(now, now)).finally(() => handle.close());
};
