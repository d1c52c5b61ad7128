/**
 * A Unix server's services for native tasks: sessions `tcp`, `udp` and `files`, each with its own portal. A request's numbers are in the
 * first words; bytes, if any, follow after their length, at most 400. The answer's label is 0, or UNIX_ERROR + errno.
 * guests/include/toolbox.h has the same for C.
 */
import type { Operation } from '../../microkernel/abi/index.ts';

const row = (label: number, input: string, output: string, doc: string): Operation =>
  ({ label, in: input ? input.split(' ') : [], out: output ? output.split(' ') : [], doc });

export const Toolbox = {
  tcp: {
    connect: row(0x2400, 'ip port', 'handle', 'Connects to an IPv4 address, a number of 32 bits. Answered when the connection is there.'),
    send: row(0x2401, 'handle text', 'sent', 'Answered when at least one byte is on its way.'),
    receive: row(0x2402, 'handle most', 'text', 'Waits for bytes; none: the other end has sent all.'),
    close: row(0x2403, 'handle', '', ''),
  },
  udp: {
    open: row(0x2410, 'port', 'handle', 'A socket on this port, 0: any.'),
    send: row(0x2411, 'handle ip port text', 'sent', ''),
    receive: row(0x2412, 'handle most ms', 'ip port text', 'Waits so long for a datagram; EAGAIN: none came.'),
    close: row(0x2413, 'handle', '', ''),
  },
  files: {
    open: row(0x2420, 'flags text', 'handle size', 'Flags as open(2) has them; new files get mode 0644.'),
    read: row(0x2421, 'handle offset most', 'text', ''),
    write: row(0x2422, 'handle offset text', 'written', ''),
    close: row(0x2423, 'handle', '', ''),
  },
} as const;
export type ToolboxService = keyof typeof Toolbox;
export const TOOLBOX_SERVICES = Object.keys(Toolbox) as ToolboxService[];
/** Labels of replies that carry an errno. */
export const UNIX_ERROR = 0x100;
/** Bytes in one message. */
export const MOST_BYTES = 400;
