/**
 * The Debian mirror this computer is set up for, read from apt's own source lists: both the one-line format
 *
 *   deb [arch=amd64 signed-by=/path] http://mirror/debian bookworm main
 *
 * and deb822 stanzas (Types:, URIs:, Suites:, Components:, Signed-By:).
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface AptSource {
  uri: string;
  suites: string[];
  components: string[];
  /** Path of a keyring, or an armoured key block as deb822 allows; empty = apt's trusted keys. */
  signedBy: string;
}

/** Sources of one file in the one-line format. */
export function parseOneLine(text: string): AptSource[] {
  const found: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match) continue;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(match[1] ?? '')?.[1] ?? '';
    found.push({ uri: match[2], suites: [match[3]], components: match[4].trim().split(/\s+/).filter(Boolean), signedBy });
  }
  return found;
}

/** Sources of one file in the deb822 format; stanzas that are disabled or hold no binary packages are left out. */
export function parseDeb822(text: string): AptSource[] {
  const found: AptSource[] = [];
  for (const stanza of text.split(/\n[ \t]*\n/)) {
    const fields = parseStanza(stanza);
    const words = (name: string) => (fields.get(name) ?? '').split(/\s+/).filter(Boolean);
    if (fields.get('enabled') === 'no' || !words('types').includes('deb')) continue;
    for (const uri of words('uris')) {
      found.push({ uri, suites: words('suites'), components: words('components'), signedBy: fields.get('signed-by') ?? '' });
    }
  }
  return found;
}

function parseStanza(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let current = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    const match = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
    if (match) fields.set((current = match[1].toLowerCase()), match[2].trim());
    else if (current && /^\s/.test(line)) fields.set(current, `${fields.get(current)}\n ${line.trim()}`);
  }
  return fields;
}

/** Every source this computer's apt is configured with. `etc` is /etc/apt, another folder in tests. */
export function configuredSources(etc = '/etc/apt'): AptSource[] {
  const found: AptSource[] = [];
  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  found.push(...parseOneLine(read(join(etc, 'sources.list'))));
  const parts = join(etc, 'sources.list.d');
  for (const name of existsSync(parts) ? readdirSync(parts).sort() : []) {
    if (name.endsWith('.list')) found.push(...parseOneLine(read(join(parts, name))));
    if (name.endsWith('.sources')) found.push(...parseDeb822(read(join(parts, name))));
  }
  return found;
}

/**
 * The source that mirrors the main Debian archive: the first whose path ends in "debian" and that has a plain release suite (not
 * -security). Ubuntu's and third parties' sources do not qualify.
 */
export function debianMirror(sources: AptSource[]): AptSource | undefined {
  const plain = sources.filter((s) =>
    s.components.includes('main') && !/security|ubuntu|ports/i.test(s.uri) && s.suites.some((suite) => !/[/-]/.test(suite)));
  return plain.find((s) => /debian\/?$/.test(s.uri)) ?? plain.find((s) => /debian/i.test(s.uri));
}
