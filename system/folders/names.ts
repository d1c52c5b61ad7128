/** Which names a file may have: 1 to 255 bytes, without '/' and NUL, and not those that lead elsewhere. */
import { FolderError } from './folder.ts';

const MOST_NAME = 255;

export function checkName(name: string): void {
  if (name === '' || name === '.' || name === '..') throw new FolderError('ENOENT');
  if (name.length > MOST_NAME) throw new FolderError('ENAMETOOLONG');
  if (name.includes('/') || name.includes('\0')) throw new FolderError('EINVAL');
}
/** The same as a question. */
export function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && name.length <= MOST_NAME && !name.includes('/') && !name.includes('\0');
}
