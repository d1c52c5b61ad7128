/**
 * The names a busybox answers to, read from the program itself: it holds them as one table of NUL-terminated strings in
 * ascending order that begins with "[" and "[[". So no riscv64 program has to run to make the links.
 */

/** Applet names of a busybox executable; empty if it holds no such table. */
export function appletsOf(program: Uint8Array): string[] {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.length);
  const start = bytes.toString('latin1').search(/\[\0\[\[\0[a-z]/);
  if (start < 0) return [];
  const names: string[] = [];
  for (let at = start; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    const name = bytes.toString('latin1', at, end);
    if (end < 0 || !/^[a-z0-9_.[-]+$/i.test(name) || (names.length > 0 && name <= names[names.length - 1])) break;
    names.push(name);
    at = end + 1;
  }
  return names;
}
