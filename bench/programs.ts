/** A benchmark: a name, the command line inside the guest, and the group of its ratio. */
export interface Benchmark {
  readonly name: string;
  readonly command: string;
  readonly group: 'cpu' | 'system' | 'debian';
  /** Runs natively on the host as well. */
  readonly native: boolean;
  /** Runs before the clock starts. */
  readonly prepare?: string;
  /** Ten times: what takes a machine less than 20 ms would end before its first line is on the host's console. */
  readonly often?: boolean;
  /** It starts other programs, so a user-mode emulator of one program cannot run it. */
  readonly starts?: boolean;
}

const cpu = (name: string, command: string): Benchmark => ({ name, command, group: 'cpu', native: true });
/** Debian's busybox on 16 MiB of numbers. */
const busybox = (name: string, command: string): Benchmark => ({
  name, command: `${command} </tmp/numbers >/dev/null`, group: 'cpu', native: false,
  prepare: 'busybox seq 1 2390000 | busybox head -c 16777216 >/tmp/numbers'
});
const system = (name: string, command: string): Benchmark => ({ name, command, group: 'system', native: false });

export const benchmarks: readonly Benchmark[] = [
  cpu('intmix', 'intmix 80000'),
  cpu('sieve', 'sieve 16000000'),
  cpu('matmul', 'matmul 384'),
  cpu('nbody', 'nbody 500000'),
  cpu('stream-32K', 'stream 32 4096'),
  cpu('stream-4M', 'stream 4096 4096'),
  cpu('interp', 'interp 40000'),
  cpu('fib', 'fib 38'),
  busybox('sha256', 'busybox sha256sum'),
  busybox('gzip', 'busybox gzip'),
  system('getppid', 'getppid 500000'),
  system('forkwait', 'forkwait 1000'),
  system('forkexec', 'forkexec 500'),
  system('pipe', 'pipebench 20000'),
  system('pagefault', 'pagefault 100000'),
];

const debian = (name: string, command: string, more: Pick<Benchmark, 'prepare' | 'starts' | 'often'> = {}): Benchmark =>
  ({ name, command, group: 'debian', native: false, ...more });

/** Programs of a Debian root (--root DIR) on the files of debian.ts, which are in $WORK. Includes only those that the root has. */
export const debianBenchmarks: readonly Benchmark[] = [
  debian('cc1', 'cc1 -quiet -O2 -w -o /dev/null $WORK/large.c'),
  debian('make', 'make -s -C $WORK/small', { starts: true }),
  debian('python', 'python3 $WORK/mix.py'),
  debian('perl', 'perl $WORK/mix.pl'),
  debian('sqlite', 'sqlite3 :memory: <$WORK/mix.sql'),
  debian('git', 'git -C $WORK/tree add -A', { prepare: 'git init -q $WORK/tree' }),
  debian('tar', 'tar -cf - $WORK/tree | cat >/dev/null', { often: true }),
  // To /dev/null itself, grep would stop at the first match.
  debian('grep', 'grep -rc needle $WORK/tree | cat >/dev/null', { often: true }),
  debian('find', 'find $WORK/tree -type f -size +1k >/dev/null', { often: true }),
];
