/**
 * What every backend has to do, as one suite: the autoscaler's safety stands on these properties. Give it your test
 * framework's functions and something that makes a fresh backend.
 *
 *   testBackend('mine', { test, expect }, async () => ({ backend: mine({ … }), dispose: async () => { … } }));
 */
import { randomBytes } from 'node:crypto';
import type { Backend, Instance, LaunchRequest } from '@flamejs/queue';

/** The part of vitest's, jest's or node:test's functions that the suite needs. */
export interface TestFramework {
  test(name: string, run: () => Promise<void>, timeoutMs?: number): unknown;
  expect(value: unknown): {
    toBe(expected: unknown): void;
    toEqual(expected: unknown): void;
  };
}

export interface BackendFixture {
  readonly backend: Backend;
  /** Frees everything; called after each test, also after one that failed. */
  dispose(): Promise<void>;
  /** Added to each request: an environment with which instances stay up. */
  readonly env?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  /**
   * Ends an instance from outside, as a crash would, so that the suite can see it leave the list. Left out where this
   * cannot be done.
   */
  crash?(instance: Instance): Promise<void>;
  /** Makes the next launch commit and lose its answer. Left out where this cannot be done. */
  loseNextAnswer?(): void;
}

export interface BackendSuiteOptions {
  /** How long the provider may take to show a change in its list, ms. Default 15000. */
  readonly settleMs?: number;
  /** Bound of one test, ms. Default 60000. */
  readonly timeoutMs?: number;
}

export const testBackend = (
  name: string,
  { test, expect }: TestFramework,
  make: () => Promise<BackendFixture>,
  { settleMs = 15_000, timeoutMs = 60_000 }: BackendSuiteOptions = {},
): void => {
  let app = '';
  const signal = (): AbortSignal => AbortSignal.timeout(timeoutMs);

  const each = (title: string, run: (fixture: BackendFixture) => Promise<void>): void => {
    test(
      `${name}: ${title}`,
      async () => {
        // An app of its own, so that what one test leaves behind is not seen by the next.
        app = `contract-${letters(6)}`;
        const fixture = await make();
        try {
          await run(fixture);
        } finally {
          for (const each of [app, `${app}-other`]) {
            const left = await living(fixture, each);
            await fixture.backend.terminate(
              left.map(({ id }) => id),
              signal(),
            );
          }
          await fixture.dispose();
        }
      },
      timeoutMs,
    );
  };
  const request = (fixture: BackendFixture, runnerId = newRunnerId(), of = app): LaunchRequest => ({
    app: of,
    pool: 'contract',
    runnerId,
    attempt: 1,
    release: 'r1',
    maxConcurrency: 1,
    env: { FLAME_APP: of, FLAME_POOL: 'contract', FLAME_RUNNER_ID: runnerId, FLAME_RELEASE: 'r1', ...fixture.env },
    secrets: { ...fixture.secrets },
  });
  const living = async ({ backend }: BackendFixture, of = app): Promise<readonly Instance[]> =>
    (await backend.list(of, signal())).filter(({ state }) => state !== 'gone');
  const waitForLiving = async (fixture: BackendFixture, ids: readonly string[]): Promise<readonly Instance[]> => {
    const until = performance.now() + settleMs;
    let found: readonly Instance[] = [];
    do {
      found = await living(fixture);
      if (
        sameSet(
          found.map(({ runnerId }) => runnerId),
          ids,
        )
      )
        return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    } while (performance.now() < until);
    expect(sorted(found.map(({ runnerId }) => runnerId))).toEqual(sorted(ids));
    return found;
  };

  each('has defaults that make sense', async ({ backend }) => {
    const { bootTimeoutMs, idleShutdownAfterMs, tickMs, fastTickMs, launchesPerTick } = backend.defaults;
    for (const value of [bootTimeoutMs, idleShutdownAfterMs, tickMs, fastTickMs, launchesPerTick]) {
      expect(Number.isFinite(value) && value > 0).toBe(true);
    }
    expect(fastTickMs <= tickMs).toBe(true);
  });

  each('lists nothing for an app that has nothing', async (fixture) => {
    expect(await living(fixture, `${app}-none`)).toEqual([]);
  });

  each('launches an instance that its list shows with runner id, pool and state', async (fixture) => {
    const asked = request(fixture);
    const launched = await fixture.backend.launch(asked, signal());
    expect(launched.runnerId).toBe(asked.runnerId);
    expect(launched.id.length > 0).toBe(true);
    const [listed] = await waitForLiving(fixture, [asked.runnerId]);
    expect([listed?.id, listed?.pool]).toEqual([launched.id, 'contract']);
    expect(['pending', 'running'].includes(listed?.state ?? '')).toBe(true);
  });

  each('launches once for the same runner id and attempt, also when asked twice at the same time', async (fixture) => {
    const asked = request(fixture);
    const settled = await Promise.allSettled([
      fixture.backend.launch(asked, signal()),
      fixture.backend.launch(asked, signal()),
    ]);
    const again = await fixture.backend.launch(asked, signal());
    for (const each of settled) if (each.status === 'fulfilled') expect(each.value.id).toBe(again.id);
    expect((await waitForLiving(fixture, [asked.runnerId])).length).toBe(1);
  });

  each('keeps two apps apart', async (fixture) => {
    const mine = request(fixture);
    const other = request(fixture, newRunnerId(), `${app}-other`);
    await fixture.backend.launch(mine, signal());
    await fixture.backend.launch(other, signal());
    await waitForLiving(fixture, [mine.runnerId]);
    const theirs = await living(fixture, `${app}-other`);
    expect(theirs.map(({ runnerId }) => runnerId)).toEqual([other.runnerId]);
  });

  each('terminates what it is told to and nothing else', async (fixture) => {
    const first = request(fixture);
    const second = request(fixture);
    const { id } = await fixture.backend.launch(first, signal());
    await fixture.backend.launch(second, signal());
    await waitForLiving(fixture, [first.runnerId, second.runnerId]);
    expect(await fixture.backend.terminate([id], signal())).toEqual([{ id, ok: true }]);
    await waitForLiving(fixture, [second.runnerId]);
  });

  each('terminating again, or what is gone already, is a success', async (fixture) => {
    const asked = request(fixture);
    const { id } = await fixture.backend.launch(asked, signal());
    await fixture.backend.terminate([id], signal());
    await waitForLiving(fixture, []);
    expect(await fixture.backend.terminate([id], signal())).toEqual([{ id, ok: true }]);
    expect(await fixture.backend.terminate([], signal())).toEqual([]);
  });

  each('a bad id among those to terminate does not spoil the others', async (fixture) => {
    const asked = request(fixture);
    const { id } = await fixture.backend.launch(asked, signal());
    await waitForLiving(fixture, [asked.runnerId]);
    const results = await fixture.backend.terminate(['no-such-instance', id], signal());
    expect(results.length).toBe(2);
    expect(results.find((result) => result.id === id)?.ok).toBe(true);
    await waitForLiving(fixture, []);
  });

  each('asking for a runner again after its instance ended starts no second one', async (fixture) => {
    const asked = request(fixture);
    const { id } = await fixture.backend.launch(asked, signal());
    await fixture.backend.terminate([id], signal());
    await waitForLiving(fixture, []);
    // Either it answers with the instance that ended, or it refuses; a late replay must not bring a machine back.
    await fixture.backend.launch(asked, signal()).catch(() => undefined);
    await waitForLiving(fixture, []);
  });

  each('an instance that ends by itself leaves the list', async (fixture) => {
    if (fixture.crash === undefined) return;
    const asked = request(fixture);
    const launched = await fixture.backend.launch(asked, signal());
    await waitForLiving(fixture, [asked.runnerId]);
    await fixture.crash(launched);
    await waitForLiving(fixture, []);
  });

  each('an ended instance that is still listed says in words how it ended', async (fixture) => {
    if (fixture.crash === undefined) return;
    const launched = await fixture.backend.launch(request(fixture), signal());
    await waitForLiving(fixture, [launched.runnerId]);
    await fixture.crash(launched);
    await waitForLiving(fixture, []);
    const gone = (await fixture.backend.list(app, signal())).filter(({ state }) => state === 'gone');
    expect(gone.filter(({ end }) => end === undefined || end.reason === '' || end.reason.includes('\n'))).toEqual([]);
  });

  each('a launch whose answer was lost is found by asking again', async (fixture) => {
    if (fixture.loseNextAnswer === undefined) return;
    const asked = request(fixture);
    fixture.loseNextAnswer();
    const first = await fixture.backend.launch(asked, signal()).catch((error: unknown) => error);
    expect((first as { kind?: unknown }).kind).toBe('unknown');
    await fixture.backend.launch(asked, signal());
    expect((await waitForLiving(fixture, [asked.runnerId])).length).toBe(1);
  });

  each('check() passes where launches work', async ({ backend }) => {
    await backend.check?.(signal());
  });
};

const newRunnerId = (): string => `contract-aaaaaa-${letters(12)}`;

const letters = (count: number): string =>
  Array.from(randomBytes(count), (byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte % 32]).join('');

const sorted = (values: readonly string[]): readonly string[] => [...values].sort();

const sameSet = (a: readonly string[], b: readonly string[]): boolean => sorted(a).join('\n') === sorted(b).join('\n');
