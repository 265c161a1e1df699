/** The plugins for frameworks, in real applications of them. Calls run inline: that they travel is proven elsewhere. */
import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import fastify from 'fastify';
import { createFlame, defineConfig, type Flame, FlameConfigError } from 'flamejs';
import { closeWithServer, flameExpress } from 'flamejs/express';
import { flameFastify } from 'flamejs/fastify';
import { FLAME, FlameModule } from 'flamejs/nest';
import { withFlame } from 'flamejs/next';
import { expect, test } from 'vitest';
import { waitFor } from './support/wait-for.ts';

const config = defineConfig({ app: 'frames', pools: { main: {} } });
const open = (): Flame => createFlame(config, { mode: 'inline' });
const hello = open().fn('frames.hello', (name: string) => `hello ${name}`);
const closed = { code: 'FLAME_ERR_CLOSED' };

test('Fastify: flame is on the app and on requests, for all of its parts, and closed with it', async () => {
  const flame = open();
  const app = fastify();
  app.register(flameFastify, { flame });
  app.register(async (part) => {
    part.get('/:name', (request) => {
      const { name } = request.params as { name: string };
      return (request as unknown as { flame: Flame }).flame.call(hello, name);
    });
  });
  expect((await app.inject('/fastify')).body).toBe('hello fastify');
  expect((app as unknown as { flame: Flame }).flame).toBe(flame);
  await app.close();
  await expect(flame.call(hello, 'late')).rejects.toMatchObject(closed);
});

test('Express: flame is on requests, and closed with the server', async () => {
  const flame = open();
  const app = express();
  app.use(flameExpress(flame));
  app.get('/:name', async (request, response) => {
    response.send(await (request as unknown as { flame: Flame }).flame.call(hello, request.params.name));
  });
  const server = closeWithServer(app.listen(0, '127.0.0.1'), flame);
  await waitFor(() => server.listening, { what: 'the server' });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/express`;
  expect(await (await fetch(url, { headers: { connection: 'close' } })).text()).toBe('hello express');
  server.close();
  await waitFor(
    () =>
      flame.call(hello, 'late').then(
        () => false,
        (error) => error.code === closed.code,
      ),
    {
      what: 'flame to be closed',
    },
  );
});

const decorate = (decorator: ClassDecorator, ...classes: readonly object[]): void => {
  for (const each of classes) decorator(each as never);
};

test('Nest: flame is injected and closed with the application; tasks find the providers of their module', async () => {
  const flame = open();
  class Greeter {
    greet = (name: string): string => `hello ${name}`;
    ended = false;
    onModuleDestroy(): void {
      this.ended = true;
    }
  }
  class Caller {
    readonly flame: Flame;
    constructor(given: Flame) {
      this.flame = given;
    }
  }
  class Tasks {}
  class App {}
  decorate(Injectable(), Greeter, Caller);
  Inject(FLAME)(Caller, undefined, 0);
  decorate(Module({ providers: [Greeter] }), Tasks);
  decorate(Module({ imports: [FlameModule.forRoot(flame)], providers: [Caller] }), App);

  let loads = 0;
  const tasks = FlameModule.forTasks(() => {
    loads += 1;
    return Tasks;
  });
  const greet = flame.fn('frames.greet', async (name: string) => (await tasks.get(Greeter)).greet(name));
  const app = await NestFactory.createApplicationContext(App, { logger: false });
  const caller = app.get(Caller);
  expect(caller.flame).toBe(flame);
  expect(await Promise.all([caller.flame.call(greet, 'a'), caller.flame.call(greet, 'b')])).toEqual([
    'hello a',
    'hello b',
  ]);
  expect(loads).toBe(1);
  const greeter = await tasks.get(Greeter);
  await tasks.close();
  expect(greeter.ended).toBe(true);
  await app.close();
  await expect(flame.call(hello, 'late')).rejects.toMatchObject(closed);
});

test('Nest: what would start work in every executor is refused by name, and missing types are a coded error', async () => {
  class ScheduleModule {}
  class Inner {}
  class Tasks {}
  decorate(Module({}), ScheduleModule);
  decorate(Module({ imports: [{ module: ScheduleModule }] }), Inner);
  decorate(Module({ imports: [Inner] }), Tasks);
  const refused = FlameModule.forTasks(() => Tasks).get('x');
  await expect(refused).rejects.toThrow(/Tasks > Inner > ScheduleModule starts work by itself/);

  // As a loader leaves it that writes no `design:paramtypes`.
  class Untyped {
    readonly needed: unknown;
    constructor(needed: unknown) {
      this.needed = needed;
    }
  }
  class Bare {}
  Reflect.defineMetadata('design:paramtypes', [undefined], Untyped);
  decorate(Injectable(), Untyped);
  decorate(Module({ providers: [Untyped] }), Bare);
  const error = await FlameModule.forTasks(() => Bare)
    .get(Untyped)
    .catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(FlameConfigError);
  expect((error as FlameConfigError).advice).toContain('nest build');
});

test('Next: the config keeps what it has, as object and as function', async () => {
  const own = { output: 'standalone', serverExternalPackages: ['sharp'] };
  const { output, serverExternalPackages } = withFlame(own);
  expect([output, serverExternalPackages]).toEqual([
    'standalone',
    expect.arrayContaining(['sharp', 'flamejs', 'bullmq']),
  ]);
  const made = withFlame(async (phase: string) => ({ env: { phase } }));
  expect(await made('build', {})).toMatchObject({
    env: { phase: 'build' },
    serverExternalPackages: expect.arrayContaining(['flamejs']),
  });
});
