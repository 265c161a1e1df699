import { afterAll, expect, test } from 'vitest';
import { createApplication } from './application.ts';

/** The facade itself, in inline mode: arguments and results are encoded as on the way to another machine. */
const app = createApplication({
  'src/flame.ts': `import { createFlame, defineConfig } from '@flamejs/queue';
export const flame = createFlame(defineConfig({ app: 'closures', pools: { images: {} } }), { mode: 'inline' });
`,
  'src/thumbs.ts': `import { flame } from './flame.ts';
const images = flame.pool('images');
export const thumbnail = (image: Uint8Array, size: number) =>
  flame.call(images, async () => ({ bytes: image.length, size, at: new Date(0) }));
export const withHandler = (handler: { go(): number }) => flame.call(images, () => handler.go());
export const fails = () => flame.call(images, async () => {
  throw new RangeError('too large');
});
`,
  'src/main.ts': `import { flame } from './flame.ts';
import { fails, thumbnail, withHandler } from './thumbs.ts';
const report = async (work: Promise<unknown>) => work.then((value) => value, (error: Error) => [error.name, error.message, error.stack]);
const size = 3;
if (!flame.isRunner) {
  const local = await report(flame.call(flame.pool('images'), () => size * 2));
  const results = [local, await report(thumbnail(new Uint8Array(5), 7)), await report(withHandler({ go: () => 1 })), await report(fails())];
  console.log(JSON.stringify(results));
}
await flame.close();
`,
});
afterAll(() => app.remove());

test('closures run through the facade, with captures that cannot be shipped refused by name', async () => {
  const { stdout, stderr } = await app.node(['--import', '@flamejs/compiler/register', 'src/main.ts']);
  const line = stdout.split('\n').find((each) => each.startsWith('['));
  expect(line, stdout + stderr).toBeDefined();
  const [local, thumb, refused, thrown] = JSON.parse(line ?? '[]');
  expect(local).toBe(6);
  expect(thumb).toEqual({ bytes: 5, size: 7, at: '1970-01-01T00:00:00.000Z' });
  expect(refused.slice(0, 2)).toEqual(['FlameCodecError', expect.stringMatching(/handler/)]);
  expect(thrown.slice(0, 2)).toEqual(['RangeError', 'too large']);
  expect(thrown[2]).toContain(`${app.path('src/thumbs.ts')}:7:`);
});

test('without the compiler the facade refuses the closure and says how to turn it on', async () => {
  const { stdout, stderr } = await app.node(['--import', 'tsx', 'src/main.ts']);
  expect(stdout + stderr).toContain('flamejs/register');
});
