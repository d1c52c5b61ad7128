/** QEMU's options begin with one dash; ours differ. A user who types QEMU's options gets the same command with ours, ready to copy. */
import { CliError } from './errors.ts';

/** Our words for a QEMU option with its value; empty = left out, because it is the default here. */
type Ours = (value: string) => readonly string[];
interface Row { readonly takes: boolean; readonly ours: Ours }
const flag = (...words: string[]): Row => ({ takes: false, ours: () => words });
const valued = (ours: Ours): Row => ({ takes: true, ours });
const same = (option: string): Row => valued((value) => [option, value]);
const nothing = valued(() => []);

const partsOf = (value: string): Map<string, string> => new Map(value.split(',').map((part, i): [string, string] => {
  const at = part.indexOf('=');
  return at < 0 ? [i === 0 ? '' : part, part] : [part.slice(0, at), part.slice(at + 1)];
}));

function disk(value: string): readonly string[] {
  const parts = partsOf(value), file = parts.get('file') ?? parts.get('') ?? '';
  const on = (name: string) => ['on', 'true'].includes(parts.get(name) ?? '');
  return file ? ['--disk', `${file}${on('readonly') || on('read-only') ? ',ro' : ''}${on('snapshot') ? ',snapshot' : ''}`] : [];
}

const net = (value: string): readonly string[] =>
  (/^user\b/.test(value) ? ['--net', ['user', ...value.split(',').filter((part) => /^(hostfwd|restrict)=/.test(part))].join(',')] : []);

const rows: Readonly<Record<string, Row>> = {
  kernel: same('--kernel'), initrd: same('--initrd'), append: same('--append'), dtb: nothing,
  bios: valued((value) => (['none', 'default'].includes(value) ? [] : [value])),
  m: valued((value) => {
    const size = partsOf(value).get('size') ?? value.split(',')[0]!;
    return ['--memory', /^\d+$/.test(size) ? `${size}M` : size];
  }),
  smp: valued((value) => ['--smp', (partsOf(value).get('cpus') ?? value.split(',')[0]!)]),
  drive: valued(disk), hda: valued((value) => ['--disk', value]), hdb: valued((value) => ['--disk', value]), blockdev: valued(disk),
  netdev: valued(net), nic: valued(net), net: valued(net),
  nographic: flag(), 'no-reboot': flag('--no-reboot'), 'no-shutdown': flag(), s: flag('--gdb', '1234'), S: flag(), snapshot: flag(),
  'enable-kvm': flag(), 'cpu': nothing, machine: nothing, M: nothing, accel: nothing,
  serial: nothing, monitor: nothing, display: nothing, vga: nothing, device: nothing, chardev: nothing, object: nothing, fsdev: nothing,
  virtfs: nothing, rtc: nothing, global: nothing, d: nothing, D: nothing, name: nothing,
};

/** A shared folder: -virtfs local,path=DIR,mount_tag=TAG */
function shared(value: string): readonly string[] {
  const parts = partsOf(value), path = parts.get('path'), tag = parts.get('mount_tag');
  return path && tag ? ['--mount', `${path}:${tag}`] : [];
}
/** QEMU takes them with one dash or two. */
const table: ReadonlyMap<string, Row> = new Map(Object.entries({ ...rows, virtfs: valued(shared) })
  .flatMap(([name, row]): [string, Row][] => [[`-${name}`, row], [`--${name}`, row]]));

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/**
 * Throws for QEMU options among a command's words, with the whole line in our options. `own`: our options, and whether they take a value.
 */
export function refuseQemu(command: string, words: readonly string[], own: ReadonlyMap<string, boolean>): void {
  const ours: string[] = [];
  let first: string | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!, row = own.has(word) ? undefined : table.get(word);
    if (row) {
      first ??= word;
      ours.push(...row.ours(row.takes ? words[++i] ?? '' : ''));
    } else ours.push(...words.slice(i, own.get(word) ? ++i + 1 : i + 1));
  }
  if (first !== undefined)
    throw new CliError('E_USAGE', `${first} is an option of QEMU`, `write: tessera ${command} ${ours.map(quoted).join(' ')}`);
}
