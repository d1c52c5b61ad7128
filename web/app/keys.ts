/** A recording of typed input, small enough for an address: packed with the browser's deflate, as URL-safe base64. */
export async function packKeys(recording: string): Promise<string> {
  const bytes = await through(new Blob([recording]).stream().pipeThrough(new CompressionStream('deflate-raw')));
  return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join('')).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @throws for text that is no packed recording */
export async function unpackKeys(text: string): Promise<string> {
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  return new TextDecoder().decode(await through(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))));
}

const MOST = 1 << 20;
async function through(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [], reader = stream.getReader();
  let size = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    size += chunk.value.length;
    if (size > MOST) throw new Error('the recording in this address is too long');
    pieces.push(chunk.value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) { all.set(piece, at); at += piece.length; }
  return all;
}
