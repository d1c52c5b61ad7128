/**
 * Makes text from a guest, a process or a file safe for terminals: shows characters that would move a cursor, change a colour, reverse or
 * end a line as escapes. All displayed text passes through here; a second pass changes nothing.
 */

/** Control characters (C0, DEL, C1), line and paragraph separators, marks that change the direction, halves of pairs, no characters. */
const INVISIBLE = /[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/;
const HALF_PAIR = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const HIDDEN = new RegExp(`${INVISIBLE.source}|${HALF_PAIR.source}`, 'g');
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\x1b': '\\e' };

function escaped(text: string): string {
  const code = text.charCodeAt(0);
  // Shows an invalid UTF-8 byte (l4guest/mm/text.ts) as that byte.
  const byte = code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : code;
  return NAMED[text] ?? (byte < 0x100 ? `\\x${byte.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`);
}

export const visible = (text: string): string => text.replace(HIDDEN, escaped);

/** The same for text of several lines. */
export const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n');

/** JSON whose texts have no control characters as they are: `JSON.stringify` leaves those from DEL on. */
export const jsonText = (value: unknown, space?: number): string =>
  JSON.stringify(value, undefined, space).replace(/[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
