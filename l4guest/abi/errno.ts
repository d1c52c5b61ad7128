/** Error numbers of Linux. Inside the server a call returns a number: ≥ 0 is its result, below is `-E.…`. */
export const E = {
  PERM: 1, NOENT: 2, SRCH: 3, INTR: 4, IO: 5, NXIO: 6, TOOBIG: 7, NOEXEC: 8, BADF: 9, CHILD: 10, AGAIN: 11, NOMEM: 12, ACCES: 13,
  FAULT: 14, NOTBLK: 15, BUSY: 16, EXIST: 17, XDEV: 18, NODEV: 19, NOTDIR: 20, ISDIR: 21, INVAL: 22, NFILE: 23, MFILE: 24, NOTTY: 25,
  TXTBSY: 26, FBIG: 27, NOSPC: 28, SPIPE: 29, ROFS: 30, MLINK: 31, PIPE: 32, DOM: 33, RANGE: 34, DEADLK: 35, NAMETOOLONG: 36,
  NOLCK: 37, NOSYS: 38, NOTEMPTY: 39, LOOP: 40, NOMSG: 42, IDRM: 43, NODATA: 61, TIME: 62, PROTO: 71, BADMSG: 74, OVERFLOW: 75, NOTSOCK: 88,
  DESTADDRREQ: 89, MSGSIZE: 90, PROTOTYPE: 91, NOPROTOOPT: 92, PROTONOSUPPORT: 93, SOCKTNOSUPPORT: 94, OPNOTSUPP: 95,
  AFNOSUPPORT: 97, ADDRINUSE: 98, ADDRNOTAVAIL: 99, NETUNREACH: 101, CONNABORTED: 103, CONNRESET: 104, NOBUFS: 105, ISCONN: 106,
  NOTCONN: 107, TIMEDOUT: 110, CONNREFUSED: 111, HOSTUNREACH: 113, ALREADY: 114, INPROGRESS: 115, UCLEAN: 117, STALE: 116, CANCELED: 125,
  DQUOT: 122, NOPKG: 65, NOKEY: 126, KEYEXPIRED: 127, KEYREVOKED: 128,
  /** Internal: restart the call if the handler has SA_RESTART (or there is none); user level never sees these. */
  RESTARTSYS: 512,
  /** Internal: always restart. */
  RESTARTNOINTR: 513,
  /** Internal: restart only if no handler runs. */
  RESTARTNOHAND: 514,
} as const;

const names = new Map<number, string>(Object.entries(E).map(([name, n]) => [n, `E${name}`]));
export const errnoName = (n: number): string => names.get(n) ?? `errno ${n}`;
