/** Valid names of files: 1 to 255 bytes, without '/' and NUL, and not '.' or '..', which lead elsewhere. */
import { FolderError } from './folder.ts';

const MOST_NAME = 255;

/** The error for an invalid name. */
function refusal(name: string): 'ENOENT' | 'ENAMETOOLONG' | 'EINVAL' | undefined {
  if (name === '' || name === '.' || name === '..') return 'ENOENT';
  if (name.length > MOST_NAME) return 'ENAMETOOLONG';
  return name.includes('/') || name.includes('\0') ? 'EINVAL' : undefined;
}
export const isName = (name: string): boolean => refusal(name) === undefined;
export function checkName(name: string): void {
  const error = refusal(name);
  if (error) throw new FolderError(error);
}
