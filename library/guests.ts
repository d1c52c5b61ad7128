/**
 * The small programs of `guests/`, by their path below the project. Here they are read from the clone; the build puts other ways in the
 * place of this file: into the package the programs themselves, into the page their addresses (build.mjs).
 */
export async function guestBytes(path: string): Promise<Uint8Array> {
  const { readFile } = await import('node:fs/promises');
  return readFile(new URL(`../${path}`, import.meta.url));
}
