/** What is measured: a name, the command line inside the guest, and which group its ratio belongs to. */
export interface Benchmark { readonly name: string; readonly command: string; readonly group: 'cpu' | 'system'; /** Runs natively on the host as well. */ readonly native: boolean; /** Run before the clock starts. */ readonly prepare?: string }

const cpu = (name: string, command: string): Benchmark => ({ name, command, group: 'cpu', native: true });
/** Debian's busybox on 16 MiB of numbers. */
const busybox = (name: string, command: string): Benchmark => ({ name, command: `${command} </tmp/numbers >/dev/null`, group: 'cpu', native: false, prepare: 'busybox seq 1 2390000 | busybox head -c 16777216 >/tmp/numbers' });
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
