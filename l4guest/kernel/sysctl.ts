/**
 * The kernel's settings that programs can read and change below /proc/sys: one row each with type, bounds and default. Code reads a value
 * by name (`k.sysctl.number('fs/pipe-max-size')`); a row that no code reads only stores a value that programs expect.
 */
import { E } from '../abi/errno.ts';

export interface Setting {
  readonly name: string;
  /** Numbers separated by tabs, or a line of text. */
  readonly value: readonly number[] | string;
  /** Bounds of each number. */
  readonly least?: number;
  readonly most?: number;
  /** Permission bits: 0444 if it is read-only. */
  readonly mode?: number;
}
const int = (name: string, value: number, least = -2147483648, most = 2147483647): Setting => ({ name, value: [value], least, most });
const long = (name: string, value: number, least = 0, most = 2 ** 63): Setting => ({ name, value: [value], least, most });
const list = (name: string, ...value: number[]): Setting => ({ name, value, least: -2147483648, most: 2 ** 63 });
const shown = (name: string, value: readonly number[] | string): Setting => ({ name, value, mode: 0o444 });

/** Linux's default limit of bytes and of pages: 2^64 - 2^24 - 1. */
const MOST_SHARED = 2 ** 64 - 2 ** 24;

export const settings: readonly Setting[] = [
  int('kernel/pid_max', 4194304, 301, 4194304), int('kernel/threads-max', 32000, 20, 1073741823), int('kernel/tainted', 0, 0),
  int('kernel/panic', 0), int('kernel/randomize_va_space', 0, 0, 2),
  int('kernel/sysrq', 16, 0), int('kernel/kptr_restrict', 0, 0, 2), int('kernel/dmesg_restrict', 1, 0, 1),
  int('kernel/perf_event_paranoid', 3), int('kernel/core_uses_pid', 0, 0, 1), int('kernel/core_pipe_limit', 0, 0),
  int('kernel/print-fatal-signals', 0, 0, 1), int('kernel/ctrl-alt-del', 0, 0, 1), int('kernel/hung_task_timeout_secs', 120, 0),
  int('kernel/sched_rr_timeslice_ms', 100), int('kernel/sched_rt_period_us', 1000000, 1), int('kernel/sched_rt_runtime_us', 950000, -1),
  int('kernel/unprivileged_bpf_disabled', 2, 0, 2), int('kernel/unprivileged_userns_clone', 1, 0, 1),
  int('kernel/overflowuid', 65534, 0, 65535), int('kernel/overflowgid', 65534, 0, 65535), int('kernel/max_lock_depth', 1024, 0),
  int('kernel/panic_on_oops', 0, 0, 1),
  list('kernel/printk', 4, 4, 1, 7),
  { name: 'kernel/core_pattern', value: 'core' }, { name: 'kernel/modprobe', value: '/sbin/modprobe' },
  { name: 'kernel/hotplug', value: '' }, shown('kernel/cap_last_cap', [40]), shown('kernel/ngroups_max', [65536]),
  shown('kernel/seccomp/actions_avail', 'kill_process kill_thread trap errno user_notif trace log allow'),
  { name: 'kernel/seccomp/actions_logged', value: 'kill_process kill_thread trap errno user_notif trace log' },
    int('kernel/yama/ptrace_scope', 0, 0, 3), int('kernel/io_uring_disabled', 2, 0, 2),
  int('kernel/keys/maxkeys', 200, 0), int('kernel/keys/maxbytes', 20000, 0), int('kernel/keys/root_maxkeys', 1000000, 0),
  int('kernel/keys/root_maxbytes', 25000000, 0), int('kernel/keys/gc_delay', 300, 0),
    int('kernel/keys/persistent_keyring_expiry', 259200, 0),
  // System V IPC
  long('kernel/shmmax', MOST_SHARED, 0, 2 ** 64), long('kernel/shmall', MOST_SHARED, 0, 2 ** 64), int('kernel/shmmni', 4096, 0, 32768),
  int('kernel/shm_rmid_forced', 0, 0, 1), int('kernel/shm_next_id', -1, -1), int('kernel/msgmax', 8192, 0),
  int('kernel/msgmnb', 16384, 0), int('kernel/msgmni', 32000, 0, 32768), int('kernel/msg_next_id', -1, -1),
  int('kernel/auto_msgmni', 0, 0, 1), list('kernel/sem', 32000, 1024000000, 500, 32000), int('kernel/sem_next_id', -1, -1),
  int('kernel/keys/maxkeys', 200, 1), int('kernel/keys/maxbytes', 20000, 1), int('kernel/keys/root_maxkeys', 1000000, 1),
  int('kernel/keys/root_maxbytes', 25000000, 1), int('kernel/keys/gc_delay', 300, 0),
  int('kernel/keys/persistent_keyring_expiry', 259200, 0),
  // memory
  int('vm/overcommit_memory', 0, 0, 2), int('vm/overcommit_ratio', 50, 0), long('vm/overcommit_kbytes', 0),
  int('vm/max_map_count', 65530, 0), int('vm/swappiness', 60, 0, 200), int('vm/drop_caches', 0, 0, 4), long('vm/mmap_min_addr', 65536),
  int('vm/nr_hugepages', 0, 0), int('vm/nr_overcommit_hugepages', 0, 0), int('vm/hugetlb_shm_group', 0, 0),
  int('vm/min_free_kbytes', 4096, 0), int('vm/panic_on_oom', 0, 0, 2), int('vm/oom_kill_allocating_task', 0, 0),
  int('vm/oom_dump_tasks', 1, 0), int('vm/dirty_ratio', 20, 0, 100), int('vm/dirty_background_ratio', 10, 0, 100),
  long('vm/dirty_bytes', 0), long('vm/dirty_background_bytes', 0), int('vm/dirty_expire_centisecs', 3000, 0),
  int('vm/dirty_writeback_centisecs', 500, 0),
  int('vm/vfs_cache_pressure', 100, 0), int('vm/laptop_mode', 0, 0), int('vm/page-cluster', 3, 0, 31), int('vm/stat_interval', 1, 0),
  int('vm/compact_memory', 0, 1, 1), int('vm/legacy_va_layout', 0, 0, 1), int('vm/memfd_noexec', 0, 0, 2),
  long('vm/admin_reserve_kbytes', 8192), long('vm/user_reserve_kbytes', 131072), int('vm/unprivileged_userfaultfd', 0, 0, 1),
  int('vm/watermark_scale_factor', 10, 1, 3000),
  // files
  long('fs/file-max', 2 ** 63), int('fs/nr_open', 1048576, 8, 2147483584), int('fs/pipe-max-size', 1048576, 4096),
  long('fs/pipe-user-pages-soft', 16384), long('fs/pipe-user-pages-hard', 0), int('fs/lease-break-time', 45, 0),
  int('fs/leases-enable', 1, 0, 1), int('fs/dir-notify-enable', 1, 0, 1), int('fs/suid_dumpable', 0, 0, 2),
  int('fs/protected_symlinks', 0, 0, 1), int('fs/protected_hardlinks', 0, 0, 1), int('fs/protected_fifos', 0, 0, 2),
  int('fs/protected_regular', 0, 0, 2), int('fs/mount-max', 100000, 1), long('fs/aio-max-nr', 65536), shown('fs/aio-nr', [0]),
  shown('fs/overflowuid', [65534]), shown('fs/overflowgid', [65534]),
  int('fs/inotify/max_user_watches', 65536, 0), int('fs/inotify/max_user_instances', 128, 0),
  int('fs/inotify/max_queued_events', 16384, 0), int('fs/epoll/max_user_watches', 400000, 0), int('fs/mqueue/queues_max', 256, 0),
  int('fs/mqueue/msg_max', 10, 1, 65536), int('fs/mqueue/msgsize_max', 8192, 128, 16777216), int('fs/mqueue/msg_default', 10, 1, 65536),
  int('fs/mqueue/msgsize_default', 8192, 128, 16777216),
  // network
  int('net/core/somaxconn', 4096, 0), int('net/core/rmem_default', 212992, 2304), int('net/core/rmem_max', 212992, 2304),
  int('net/core/wmem_default', 212992, 4608), int('net/core/wmem_max', 212992, 4608), int('net/core/optmem_max', 131072, 0),
  int('net/core/netdev_max_backlog', 1000, 0), int('net/core/bpf_jit_enable', 0, 0, 2), int('net/unix/max_dgram_qlen', 512, 0),
  int('net/ipv4/ip_forward', 0, 0, 1), list('net/ipv4/ip_local_port_range', 32768, 60999),
  int('net/ipv4/ip_unprivileged_port_start', 1024, 0, 65535), int('net/ipv4/ip_default_ttl', 64, 1, 255),
  int('net/ipv4/ip_nonlocal_bind', 0, 0, 1), list('net/ipv4/ping_group_range', 1, 0), int('net/ipv4/icmp_echo_ignore_all', 0, 0, 1),
  int('net/ipv4/icmp_echo_ignore_broadcasts', 1, 0, 1),
  int('net/ipv4/tcp_keepalive_time', 7200, 1), int('net/ipv4/tcp_keepalive_intvl', 75, 1),
  int('net/ipv4/tcp_keepalive_probes', 9, 1, 255), int('net/ipv4/tcp_syn_retries', 6, 1, 127),
  int('net/ipv4/tcp_synack_retries', 5, 0, 255), int('net/ipv4/tcp_retries1', 3, 0, 255), int('net/ipv4/tcp_retries2', 15, 0, 255),
  int('net/ipv4/tcp_fin_timeout', 60, 1), int('net/ipv4/tcp_timestamps', 1, 0, 2), int('net/ipv4/tcp_sack', 1, 0, 1),
  int('net/ipv4/tcp_window_scaling', 1, 0, 1), int('net/ipv4/tcp_syncookies', 1, 0, 2), int('net/ipv4/tcp_max_syn_backlog', 128, 0),
  int('net/ipv4/tcp_tw_reuse', 2, 0, 2), int('net/ipv4/tcp_fastopen', 1, 0), int('net/ipv4/tcp_abort_on_overflow', 0, 0, 1),
  int('net/ipv4/tcp_no_metrics_save', 0, 0, 1), int('net/ipv4/tcp_orphan_retries', 0, 0, 255), int('net/ipv4/tcp_max_tw_buckets', 8192, 0),
  { name: 'net/ipv4/tcp_congestion_control', value: 'reno' }, shown('net/ipv4/tcp_available_congestion_control', 'reno'),
  { name: 'net/ipv4/tcp_allowed_congestion_control', value: 'reno' }, list('net/ipv4/tcp_rmem', 4096, 131072, 6291456),
  list('net/ipv4/tcp_wmem', 4096, 16384, 4194304), list('net/ipv4/tcp_mem', 11361, 15150, 22722),
  list('net/ipv4/udp_mem', 22722, 30300, 45444), int('net/ipv4/udp_rmem_min', 4096, 1), int('net/ipv4/udp_wmem_min', 4096, 1),
  ...['all', 'default', 'lo'].flatMap((i) => [int(`net/ipv4/conf/${i}/tag`, 0), int(`net/ipv4/conf/${i}/forwarding`, 0, 0, 1),
  int(`net/ipv4/conf/${i}/rp_filter`, 0, 0, 2), int(`net/ipv4/conf/${i}/accept_redirects`, 1, 0, 1),
  int(`net/ipv4/conf/${i}/mc_forwarding`, 0, 0, 1), int(`net/ipv4/conf/${i}/disable_policy`, i === 'lo' ? 1 : 0, 0, 1),
  int(`net/ipv6/conf/${i}/disable_ipv6`, 0, 0, 1), int(`net/ipv6/conf/${i}/forwarding`, 0, 0, 1),
  int(`net/ipv6/conf/${i}/accept_ra`, 1, 0, 2), int(`net/ipv6/conf/${i}/hop_limit`, 64, 0, 255),
  int(`net/ipv6/conf/${i}/mtu`, 65536, 1280)]),
  int('net/ipv6/bindv6only', 0, 0, 1), int('net/ipv6/ip_nonlocal_bind', 0, 0, 1),
  ...['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'].map((n) => int(`user/max_${n}_namespaces`, 32000, 0)),
  int('user/max_inotify_instances', 128, 0), int('user/max_inotify_watches', 65536, 0),
];

const byName = new Map(settings.map((s) => [s.name, s]));

/** The values of one kernel. */
export class Sysctls {
  private readonly values = new Map<string, readonly number[] | string>();
  value(name: string): readonly number[] | string {
    const setting = byName.get(name);
    if (!setting) throw new Error(`no setting '${name}'`);
    return this.values.get(name) ?? setting.value;
  }
  /** The first number of a setting. */
  number(name: string): number { return this.numbers(name)[0]!; }
  numbers(name: string): readonly number[] { const v = this.value(name); return typeof v === 'string' ? [] : v; }
  show(name: string): string {
    const value = this.value(name);
    return `${typeof value === 'string' ? value : value.map(exact).join('\t')}\n`;
  }
  /** Parses a written value: 0, or -EINVAL with nothing changed. If fewer numbers are written, the rest stays. */
  set(name: string, text: string): number {
    const setting = byName.get(name)!, old = this.value(name);
    if (typeof setting.value === 'string') { this.values.set(name, text.replace(/\n.*$/s, '').slice(0, 127)); return 0; }
    const words = text.trim().split(/\s+/);
    if (words.length === 0 || words.some((w) => !/^-?(0x[0-9a-f]+|\d+)$/i.test(w))) return -E.INVAL;
    const given = words.map(parse);
    if (given.some((n) => n < (setting.least ?? -Infinity) || n > (setting.most ?? Infinity))) return -E.INVAL;
    this.values.set(name, (old as readonly number[]).map((n, i) => given[i] ?? n));
    return 0;
  }
}
/** Sign, then decimal, 0x… or 0… as C reads them. */
function parse(word: string): number {
  const minus = word.startsWith('-'),
  digits = minus ? word.slice(1) : word,
  n = /^0x/i.test(digits) ? parseInt(digits, 16) : /^0\d/.test(digits) ? parseInt(digits, 8) : Number(digits);
  return minus ? -n : n;
}
/** Numbers near the ends of 64 bits are rounded to doubles here; they mean the ends themselves. */
const exact = (n: number): string =>
  (n === MOST_SHARED ? '18446744073692774399' : n === 2 ** 63 ? '9223372036854775807' : BigInt(n).toString());
