/**
 * Debian packages of another architecture, downloaded by this computer's own apt into directories of our own.
 * Nothing is installed, and the computer's apt state is neither read (but for its mirror, proxies and credentials) nor changed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, Exit } from '../errors.ts';
import { configuredSources, debianMirror, type AptSource } from './sources.ts';

export const SUITE = 'trixie';
export const ARCH = 'riscv64';

/** Keys that sign trixie, where Debian's keyring package puts them. */
const KEYRINGS = ['/usr/share/keyrings/debian-archive-keyring.gpg', '/usr/share/keyrings/debian-archive-keyring.pgp'];

export interface AptPackage {
  name: string;
  version: string;
  /** SHA-256 of the .deb as the signed index gives it. */
  sha256: string;
  size: number;
  /** File name apt-get download gives it. */
  file: string;
  depends: string;
}

export class Apt {
  readonly root: string;
  private readonly config: string;

  /** `root` holds apt's state, cache and lists; created when missing. Throws `CliError` without apt or without a Debian mirror. */
  constructor(root: string) {
    this.root = root;
    this.config = join(root, 'apt.conf');
    requireTool('apt-get', 'install Debian images on a computer that has apt, and copy the images folder here');
    requireTool('dpkg-deb', 'install the package dpkg');
    const mirror = debianMirror(configuredSources());
    if (!mirror)
      throw new CliError('E_NO_MIRROR', 'no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d',
        'add a "deb … main" source of Debian there (it is only read)', Exit.failure);
    for (const folder of ['state/lists/partial', 'cache/archives/partial', 'etc']) mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, 'state/status'), '');
    writeFileSync(join(root, 'etc/debian.sources'), sourceStanza(mirror));
    writeFileSync(this.config, privateConfig(root));
  }

  /** Fetches the package index. */
  async update(): Promise<void> {
    await this.run('apt-get', ['update', '-q']);
  }

  /** What the index says about a package; undefined when there is none of that name. */
  show(name: string): AptPackage | undefined {
    const out = this.capture('apt-cache', ['show', '--no-all-versions', name]);
    const field = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(out)?.[1] ?? '';
    if (!field('Package')) return undefined;
    const version = field('Version');
    const file = `${name}_${version.replaceAll(':', '%3a')}_${field('Architecture')}.deb`;
    return { name, version, sha256: field('SHA256'), size: Number(field('Size')), file, depends: field('Depends') };
  }

  /**
   * Downloads one package into `folder`, continuing a partial download; apt checks it against the signed index. `arrived` gets the number
   * of bytes so far.
   */
  async download(item: AptPackage, folder: string, arrived: (bytes: number) => void): Promise<void> {
    mkdirSync(folder, { recursive: true });
    const timer = setInterval(() => arrived(statSync(join(folder, item.file), { throwIfNoEntry: false })?.size ?? 0), 500);
    try {
      await this.run('apt-get', ['download', '-qq', `${item.name}:${ARCH}`], folder);
    } finally {
      clearInterval(timer);
    }
  }

  private env(): NodeJS.ProcessEnv {
    return { ...process.env, APT_CONFIG: this.config, LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' };
  }

  private capture(command: string, args: string[]): string {
    return spawnSync(command, args, { env: this.env(), encoding: 'utf8', maxBuffer: 1 << 26 }).stdout ?? '';
  }

  /** Runs apt with its progress on our standard error; throws a `CliError` that carries apt's last complaint. */
  private run(command: string, args: string[], cwd = this.root): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, { cwd, env: this.env(), stdio: ['ignore', 'pipe', 'pipe'] });
      let complaints = '';
      child.stdout.on('data', (chunk: Buffer) => process.stderr.write(chunk));
      child.stderr.on('data', (chunk: Buffer) => { complaints += chunk; });
      child.on('error', (error) => reject(new CliError('E_APT', `${command} could not be started: ${error.message}`, '', Exit.failure)));
      child.on('close', (status) => {
        if (status === 0) return resolve();
        const why = complaints.split('\n').filter((line) => /^[EW]:/.test(line)).slice(-1)[0] ?? `status ${status}`;
        reject(new CliError('E_APT', `${command} ${args[0]} failed: ${why}`,
          'what is there already is kept; run the command again to go on', Exit.failure));
      });
    });
  }
}

/** Unpacks a .deb into a folder, without its maintainer scripts. */
export function unpackDeb(deb: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const done = spawnSync('dpkg-deb', ['-x', deb, folder], { encoding: 'utf8' });
  if (done.status !== 0)
    throw new CliError('E_UNPACK', `package '${deb}' cannot be unpacked: ${(done.stderr || String(done.error)).trim()}`,
      'delete it and fetch again', Exit.failure);
}

export function haveTool(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' }).status === 0;
}

function requireTool(name: string, next: string): void {
  if (!haveTool(name)) throw new CliError('E_NO_TOOL', `'${name}' is not on this computer`, next, Exit.failure);
}

/** One deb822 stanza: the computer's mirror, our suite and architecture, and the keys that sign it. */
function sourceStanza(mirror: AptSource): string {
  const keyring = mirror.signedBy || KEYRINGS.find((path) => existsSync(path)) || '';
  const signed = keyring ? `Signed-By: ${keyring}\n` : '';
  return `Types: deb\nURIs: ${mirror.uri}\nSuites: ${SUITE}\nComponents: main\nArchitectures: ${ARCH}\n${signed}`;
}

/**
 * Configuration that replaces the computer's: its acquisition settings (proxies, credentials, timeouts) are kept, its hooks are not,
 * so that no post-update hook of the computer runs on our account.
 */
function privateConfig(root: string): string {
  const dump = spawnSync('apt-config', ['dump'], { encoding: 'utf8' }).stdout ?? '';
  const keep = dump.split('\n').filter((line) =>
    /^Acquire::/.test(line) && !/^Acquire::(Changelogs|IndexTargets|GzipIndexes|Languages)/.test(line));
  const own = {
    'APT::Architecture': ARCH,
    'Dir::State': join(root, 'state'),
    'Dir::State::status': join(root, 'state/status'),
    'Dir::Cache': join(root, 'cache'),
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(root, 'etc'),
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Sandbox::User': 'root',
    'APT::Get::List-Cleanup': 'true',
    'Acquire::Retries': '3',
    'Acquire::Languages': 'none',
  };
  const lines = Object.entries(own).map(([key, value]) => `${key} "${value}";`);
  return [...keep, `APT::Architectures { "${ARCH}"; };`, ...lines, ''].join('\n');
}
