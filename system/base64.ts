/** Bytes as base64 text, in hosts that all have `btoa` and `atob`. */
import { latin1 } from './files/tar.ts';

export const base64 = (bytes: Uint8Array): string => btoa(latin1(bytes));
/** @throws Error for malformed input */
export const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
