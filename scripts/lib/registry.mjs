// A registry with the packages of this repository, packed as they would be published; for all others it asks the real one.
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { execute, root, StepError } from './run.mjs';

/** @returns `{ url, close }`. `folder` takes the tarballs. */
export const startRegistry = async (folder) => {
  const packed = await packAll(folder);
  const upstream = (await execute('npm', ['config', 'get', 'registry'], { quiet: true })).stdout.trim();
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(502).end(String(error)));
  });
  const answer = async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://registry').pathname).slice(1);
    const own = packed.get(path);
    if (own !== undefined) return respond(response, JSON.stringify(packument(own, url)), 'application/json');
    const tarball = [...packed.values()].find(({ filename }) => path === `-/${filename}`);
    if (tarball !== undefined)
      return respond(response, readFileSync(join(folder, tarball.filename)), 'application/octet-stream');
    const accept = request.headers.accept ?? '*/*';
    const theirs = await fetch(new URL(request.url.slice(1), upstream), { headers: { accept } });
    const body = Buffer.from(await theirs.arrayBuffer());
    response
      .writeHead(theirs.status, { 'content-type': theirs.headers.get('content-type') ?? 'application/json' })
      .end(body);
  };
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
};

/** By name; npm itself says what is in them. */
export const packAll = async (folder) => {
  const workspaces = readdirSync(join(root, 'packages')).flatMap((name) => ['-w', `packages/${name}`]);
  const args = ['pack', '--json', '--pack-destination', folder, ...workspaces];
  const { code, stdout, output } = await execute('npm', args, { quiet: true });
  if (code !== 0) throw new StepError(`npm pack failed: ${output}`);
  // What the scripts of a package print stands before.
  return new Map(JSON.parse(stdout.slice(stdout.search(/^\[$/m))).map((each) => [each.name, each]));
};

const packument = ({ name, version, filename, integrity, shasum }, url) => {
  const folder = name.replace('@flamejs/', '');
  const manifest = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8'));
  const dist = { tarball: `${url}/-/${filename}`, integrity, shasum };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
};

const respond = (response, body, type) => void response.writeHead(200, { 'content-type': type }).end(body);
