/** Files of a folder, served by exact name only: the folder is listed once, so no request can reach outside of it. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import type { Context } from 'hono';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

export interface StaticFiles {
  /** @param name path below the folder, with slashes @returns the file, 304, or 404 */
  respond(c: Context, name: string): Promise<Response>;
}

export const listStaticFiles = async (folder: string): Promise<StaticFiles> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = new Map(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [relative(folder, path).split(sep).join('/'), path]),
  );
  const loaded = new Map<string, { readonly body: Uint8Array<ArrayBuffer>; readonly etag: string }>();

  const load = async (path: string): Promise<{ body: Uint8Array<ArrayBuffer>; etag: string }> => {
    const known = loaded.get(path);
    if (known !== undefined) return known;
    const body = new Uint8Array(await readFile(path));
    const file = { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
    loaded.set(path, file);
    return file;
  };

  return {
    async respond(c, name) {
      const path = names.get(name);
      if (path === undefined) return c.json({ error: { message: 'there is no such file' } }, 404);
      const { body, etag } = await load(path);
      c.header('ETag', etag);
      // Revalidated each time: an upgrade shows at once, and nothing is sent twice.
      c.header('Cache-Control', 'private, no-cache');
      if (c.req.header('if-none-match') === etag) return c.body(null, 304);
      c.header('Content-Type', TYPES[extname(path)] ?? 'application/octet-stream');
      return c.body(body);
    },
  };
};
