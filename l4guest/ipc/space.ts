/** All objects of System V IPC, and the POSIX message queues, of one Unix. */
import { IpcTable } from './objects.ts';
import { MSG_MOST, type MsgQueue } from './msg.ts';
import type { MqInode } from './mqueue.ts';
import { SEM_MOST, type SemSet } from './sem.ts';
import { SHM_MOST, type Segment } from './shm.ts';

export class IpcSpace {
  readonly shm = new IpcTable<Segment>(SHM_MOST);
  readonly sem = new IpcTable<SemSet>(SEM_MOST);
  readonly msg = new IpcTable<MsgQueue>(MSG_MOST);
  /** POSIX message queues by name. */
  readonly queues = new Map<string, MqInode>();
}
