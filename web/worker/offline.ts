/**
 * The service worker: caches the whole page at the first visit, so that it needs no network afterwards. The build writes FILES and VERSION.
 */
declare const FILES: readonly string[];
declare const VERSION: string;
interface Waiting { waitUntil(done: Promise<unknown>): void }
interface Fetching extends Waiting { readonly request: Request; respondWith(answer: Promise<Response>): void }
declare const self: {
  addEventListener(type: 'install' | 'activate', listener: (event: Waiting) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void; skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> }; location: Location
};

export {};

/** Scripts of labs, which the page compiles and stores under addresses below own/. */
const OWN = 'own-scripts', NAME = `tessera-${VERSION}`;

self.addEventListener('install', (event) =>
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll([...FILES])).then(() => self.skipWaiting())));
self.addEventListener('activate', (event) => event.waitUntil((async () => {
  for (const old of await caches.keys()) if (old.startsWith('tessera-') && old !== NAME) await caches.delete(old);
  await self.clients.claim();
})()));

/** Serves from the cache; caches Debian's images at their first use. */
self.addEventListener('fetch', (event) => {
  if (event.request.method !== 'GET' || new URL(event.request.url).origin !== self.location.origin) return;
  event.respondWith(answer(event.request));
});

async function answer(request: Request): Promise<Response> {
  if (new URL(request.url).pathname.includes('/own/'))
    return (await (await caches.open(OWN)).match(request)) ?? new Response('not here', { status: 404 });
  const cache = await caches.open(NAME), kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const fresh = await fetch(request);
  if (fresh.ok && new URL(request.url).pathname.includes('/images/')) await cache.put(request, fresh.clone());
  return fresh;
}
