// A small web server for the page, on the loopback interface unless told otherwise: static files, packed, with the policy as a header.
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
};
const LARGE = 4 << 20;
/** Nearly the smallest size, in a tenth of the time. */
const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 8 } });

/** The path of an address; '' for an invalid address. */
function pathOf(url) {
  try {
    return normalize(decodeURIComponent(new URL(url, 'http://x').pathname));
  } catch {
    return '';
  }
}

/** Serves `folder`; resolves to the server when it listens. Port 0: any. */
export function serve(folder, port, policy, address = '127.0.0.1') {
  const packed = new Map();
  const server = createServer((request, response) => {
    const path = pathOf(request.url),
      file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    const head = {
      'Content-Security-Policy': `${policy}; frame-ancestors 'none'`,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-cache',
    };
    if (
      (request.method !== 'GET' && request.method !== 'HEAD') ||
      path === '' ||
      !file.startsWith(folder) ||
      !existsSync(file) ||
      !statSync(file).isFile()
    ) {
      response.writeHead(404, { ...head, 'Content-Type': 'text/plain' });
      return response.end('not here\n');
    }
    const { size, mtimeMs } = statSync(file),
      type = types[extname(file)] ?? 'application/octet-stream';
    const accepted = request.headers['accept-encoding'] ?? '',
      coding = /\bbr\b/.test(accepted) ? 'br' : /gzip/.test(accepted) ? 'gzip' : undefined;
    if (size > LARGE || coding === undefined) {
      response.writeHead(200, { ...head, 'Content-Type': type, 'Content-Length': size });
      return request.method === 'HEAD' ? response.end() : createReadStream(file).pipe(response);
    }
    const key = `${file}:${mtimeMs}:${coding}`,
      bytes = packed.get(key) ?? (coding === 'br' ? brotli : gzipSync)(readFileSync(file));
    packed.set(key, bytes);
    response.writeHead(200, {
      ...head,
      'Content-Type': type,
      'Content-Encoding': coding,
      'Content-Length': bytes.length,
      Vary: 'Accept-Encoding',
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, address, () => resolve(server));
  });
}
