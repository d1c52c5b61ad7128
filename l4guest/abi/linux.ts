/**
 * Constants of the Linux riscv64 ABI (asm-generic): open flags, file modes, signals, clone and mmap flags, wait status, capabilities,
 * limits.
 */
export const PAGE = 4096;

export const O = {
  ACCMODE: 3, RDONLY: 0, WRONLY: 1, RDWR: 2, CREAT: 0o100, EXCL: 0o200, NOCTTY: 0o400, TRUNC: 0o1000, APPEND: 0o2000,
  NONBLOCK: 0o4000, DSYNC: 0o10000, ASYNC: 0o20000, DIRECT: 0o40000, LARGEFILE: 0o100000, DIRECTORY: 0o200000, NOFOLLOW: 0o400000,
  NOATIME: 0o1000000, CLOEXEC: 0o2000000, SYNC: 0o4010000, PATH: 0o10000000, TMPFILE: 0o20000000,
  /** Internal: the file is opened for execution. */
  EXEC: 0o40,
} as const;

export const S = {
  IFMT: 0o170000, IFSOCK: 0o140000, IFLNK: 0o120000, IFREG: 0o100000, IFBLK: 0o060000, IFDIR: 0o040000, IFCHR: 0o020000, IFIFO: 0o010000,
  ISUID: 0o4000, ISGID: 0o2000, ISVTX: 0o1000,
} as const;

/** Device numbers as user level sees them: eight bits of the minor number, twelve of the major, the rest of the minor. */
export const makeDevice = (major: number, minor: number): number => (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
/** Linux gives real-time clocks a number that is free; on Debian it is this one. */
export const RTC_MAJOR = 250;
export const majorOf = (dev: number): number => (dev >>> 8) & 0xfff;
export const minorOf = (dev: number): number => (dev & 0xff) | ((dev >>> 12) & 0xfff00);

/** Flags of mount(2) and umount2(2). */
export const Ms = {
  RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8, REMOUNT: 32, NOSYMFOLLOW: 0x100, NOATIME: 0x400, NODIRATIME: 0x800, BIND: 0x1000,
    MOVE: 0x2000, REC: 0x4000, SILENT: 0x8000, UNBINDABLE: 0x20000, PRIVATE: 0x40000,
  SLAVE: 0x80000, SHARED: 0x100000, RELATIME: 0x200000, PROPAGATION: 0x1e0000,
} as const;
export const MntFlag = { FORCE: 1, DETACH: 2, EXPIRE: 4, NOFOLLOW: 8 } as const;

export const AT = {
  FDCWD: -100, SYMLINK_NOFOLLOW: 0x100, REMOVEDIR: 0x200, EACCESS: 0x200, SYMLINK_FOLLOW: 0x400, NO_AUTOMOUNT: 0x800, EMPTY_PATH: 0x1000,
    RECURSIVE: 0x8000,
} as const;

export const Sig = {
  HUP: 1, INT: 2, QUIT: 3, ILL: 4, TRAP: 5, ABRT: 6, BUS: 7, FPE: 8, KILL: 9, USR1: 10, SEGV: 11, USR2: 12, PIPE: 13, ALRM: 14,
  TERM: 15, STKFLT: 16, CHLD: 17, CONT: 18, STOP: 19, TSTP: 20, TTIN: 21, TTOU: 22, URG: 23, XCPU: 24, XFSZ: 25, VTALRM: 26,
  PROF: 27, WINCH: 28, IO: 29, PWR: 30, SYS: 31,
} as const;

export const Clone = {
  VM: 0x100, FS: 0x200, FILES: 0x400, SIGHAND: 0x800, PIDFD: 0x1000, PTRACE: 0x2000, VFORK: 0x4000, PARENT: 0x8000, THREAD: 0x10000,
  NEWTIME: 0x80, NEWNS: 0x20000, DETACHED: 0x400000, NEWCGROUP: 0x2000000, NEWUTS: 0x4000000, NEWIPC: 0x8000000, NEWUSER: 0x10000000,
    NEWPID: 0x20000000, NEWNET: 0x40000000,
  SYSVSEM: 0x40000, SETTLS: 0x80000, PARENT_SETTID: 0x100000, CHILD_CLEARTID: 0x200000, CHILD_SETTID: 0x1000000,
  CLEAR_SIGHAND: 0x100000000,
} as const;

export const Prot = { NONE: 0, READ: 1, WRITE: 2, EXEC: 4, SEM: 8, GROWSDOWN: 0x1000000, GROWSUP: 0x2000000 } as const;
export const Map_ = {
  SHARED: 1, PRIVATE: 2, SHARED_VALIDATE: 3, DROPPABLE: 8, TYPE: 0xf, FIXED: 0x10, ANONYMOUS: 0x20, GROWSDOWN: 0x100, LOCKED: 0x2000,
  NORESERVE: 0x4000, POPULATE: 0x8000, STACK: 0x20000, FIXED_NOREPLACE: 0x100000,
} as const;

export const Poll = {
  IN: 1, PRI: 2, OUT: 4, ERR: 8, HUP: 0x10, NVAL: 0x20, RDNORM: 0x40, RDBAND: 0x80, WRNORM: 0x100, WRBAND: 0x200, RDHUP: 0x2000
} as const;

export const Wait = {
  NOHANG: 1, STOPPED: 2, EXITED: 4, CONTINUED: 8, NOWAIT: 0x1000000, NOTHREAD: 0x20000000, ALL: 0x40000000, CLONE: 0x80000000 | 0
} as const;
export const exitedStatus = (code: number): number => (code & 0xff) << 8;
export const stoppedStatus = (sig: number): number => (sig << 8) | 0x7f;
export const CONTINUED_STATUS = 0xffff;

export const Clock = {
  REALTIME: 0, MONOTONIC: 1, PROCESS: 2, THREAD: 3, MONOTONIC_RAW: 4, REALTIME_COARSE: 5, MONOTONIC_COARSE: 6, BOOTTIME: 7,
  REALTIME_ALARM: 8, BOOTTIME_ALARM: 9, TAI: 11
} as const;

/** Capabilities by bit number. */
export const Cap = {
  CHOWN: 0, DAC_OVERRIDE: 1, DAC_READ_SEARCH: 2, FOWNER: 3, FSETID: 4, KILL: 5, SETGID: 6, SETUID: 7, SETPCAP: 8, LINUX_IMMUTABLE: 9,
  NET_BIND_SERVICE: 10, NET_BROADCAST: 11, NET_ADMIN: 12, NET_RAW: 13, IPC_LOCK: 14, IPC_OWNER: 15,
  SYS_MODULE: 16, SYS_RAWIO: 17, SYS_CHROOT: 18, SYS_PTRACE: 19, SYS_PACCT: 20, SYS_ADMIN: 21, SYS_BOOT: 22, SYS_NICE: 23, SYS_RESOURCE: 24,
  SYS_TIME: 25, SYS_TTY_CONFIG: 26, MKNOD: 27, LEASE: 28, AUDIT_CONTROL: 30, SYSLOG: 34,
  WAKE_ALARM: 35, CHECKPOINT_RESTORE: 40,
} as const;
export type Cap = (typeof Cap)[keyof typeof Cap];
export const LAST_CAP = 40;
/** prctl(PR_SET_SECUREBITS); each has a lock one bit higher. */
export const Secure = { NOROOT: 1, NO_SETUID_FIXUP: 4, KEEP_CAPS: 16, NO_CAP_AMBIENT_RAISE: 64 } as const;

/** Resource limits, and how many there are. */
export const Limit = {
  CPU: 0, FSIZE: 1, DATA: 2, STACK: 3, CORE: 4, RSS: 5, NPROC: 6, NOFILE: 7, MEMLOCK: 8, AS: 9, LOCKS: 10, SIGPENDING: 11, MSGQUEUE: 12,
  NICE: 13, RTPRIO: 14, RTTIME: 15
} as const;
export const LIMITS = 16;

/** Origin of a signal: si_code. */
export const SiCode = {
  USER: 0, KERNEL: 0x80, QUEUE: -1, TIMER: -2, MESGQ: -3, TKILL: -6, EXITED: 1, KILLED: 2, DUMPED: 3, TRAPPED: 4, STOPPED: 5, CONTINUED: 6
} as const;
/** Actions other than handlers. */
export const Handler = { DFL: 0, IGN: 1 } as const;
export const SaFlag = {
  NOCLDSTOP: 1, NOCLDWAIT: 2, SIGINFO: 4, ONSTACK: 0x08000000, RESTART: 0x10000000, NODEFER: 0x40000000, RESETHAND: 0x80000000
} as const;

/** Scheduling policies. */
export const Policy = { OTHER: 0, FIFO: 1, RR: 2, BATCH: 3, IDLE: 5 } as const;
