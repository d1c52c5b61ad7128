/** The System V IPC objects and POSIX message queues of one IPC name space. */
import { Clone } from '../abi/linux.ts';
import { FirstIno, firstUsers, type Space, type UserSpace } from '../kernel/spaces.ts';
import { IpcTable } from './objects.ts';
import type { MsgQueue } from './msg.ts';
import type { MqInode } from './mqueue.ts';
import type { SemSet } from './sem.ts';
import type { Segment } from './shm.ts';

export class IpcSpace implements Space {
  readonly kind = Clone.NEWIPC;
  readonly ino: number;
  readonly owner: UserSpace;
  constructor(ino: number = FirstIno.IPC, owner: UserSpace = firstUsers) { this.ino = ino; this.owner = owner; }

  readonly shm = new IpcTable<Segment>('kernel/shmmni', 'kernel/shm_next_id');
  readonly sem = new IpcTable<SemSet>('kernel/sem', 'kernel/sem_next_id');
  readonly msg = new IpcTable<MsgQueue>('kernel/msgmni', 'kernel/msg_next_id');
  /** POSIX message queues by name. */
  readonly queues = new Map<string, MqInode>();
}
