import { describe, expect, it } from 'vitest';
import { appletsOf } from './applets.ts';
import { debianMirror, parseDeb822, parseOneLine } from './sources.ts';

const oneLine = `
# comment
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # note
deb http://mirror.example/debian-security bookworm-security main
deb-src http://mirror.example/debian bookworm main
`;
const deb822 = `Types: deb deb-src
# a comment inside
URIs: http://mirror.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDME

Types: deb
URIs: http://other.example/repo
Suites: stable
Components: extra
Enabled: no
`;

describe('the mirror that this computer is set up for', () => {
  it('is found in the one-line format, past sources of security updates', () => {
    const sources = parseOneLine(oneLine);
    expect(sources).toHaveLength(2);
    expect(debianMirror(sources)).toMatchObject({
      uri: 'http://mirror.example/debian', components: ['main', 'contrib'], signedBy: '/k.gpg'
    });
  });

  it('is found in deb822 stanzas, with a key of several lines; disabled stanzas do not count', () => {
    const sources = parseDeb822(deb822);
    expect(sources).toHaveLength(1);
    expect(sources[0].suites).toEqual(['trixie', 'trixie-updates']);
    expect(sources[0].signedBy).toContain('\n mDME');
  });

  it('is none on a computer of another system', () => {
    expect(debianMirror(parseOneLine('deb http://archive.example/ubuntu noble main universe'))).toBeUndefined();
  });
});

describe('the applets of a busybox', () => {
  it('are the ascending names behind "[" in the program', () => {
    expect(appletsOf(Buffer.from(
      '\x7fELF junk [\0[[\0arp\0ash\0cat\0zcat\0\0/var/log\0'))).toEqual(['[', '[[', 'arp', 'ash', 'cat', 'zcat']);
  });
  it('are none in another program', () => {
    expect(appletsOf(Buffer.from('\x7fELF nothing here'))).toEqual([]);
  });
});
