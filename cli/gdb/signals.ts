/** GDB has signal numbers of its own, which agree with Linux's in part. @spec gdb "Signals" (gdb/signals.def) */
const GDB_SIGNALS: Readonly<Record<number, number>> = {
  7: 10, // SIGBUS
  10: 30, 12: 31, // SIGUSR1, SIGUSR2
  16: 143, // SIGSTKFLT is unknown to it
  17: 20, 18: 19, 19: 17, 20: 18, // SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP
  23: 16, 29: 23, // SIGURG, SIGIO
  30: 32, 31: 12, // SIGPWR, SIGSYS
  32: 77, 64: 78, // the first and the last real-time signal
};
const FIRST_REALTIME = 33;
const GDB_REALTIME = 45;

/** GDB's number for a signal of Linux. */
export const gdbSignal = (linux: number): number =>
  GDB_SIGNALS[linux] ?? (linux >= FIRST_REALTIME ? GDB_REALTIME + linux - FIRST_REALTIME : linux);
