/** All objects of System V IPC, and the POSIX message queues, of one space of them. */
import { Clone } from '../abi/linux.ts';
import { FirstIno, firstUsers, type Space, type UserSpace } from '../kernel/spaces.ts';
import { IpcTable } from './objects.ts';
import { MSG_MOST, type MsgQueue } from './msg.ts';
import type { MqInode } from './mqueue.ts';
import { SEM_MOST, type SemSet } from './sem.ts';
import { SHM_MOST, type Segment } from './shm.ts';

export class IpcSpace implements Space {
  readonly kind = Clone.NEWIPC;
  readonly ino: number;
  readonly owner: UserSpace;
  constructor(ino: number = FirstIno.IPC, owner: UserSpace = firstUsers) { this.ino = ino; this.owner = owner; }

  readonly shm = new IpcTable<Segment>(SHM_MOST);
  readonly sem = new IpcTable<SemSet>(SEM_MOST);
  readonly msg = new IpcTable<MsgQueue>(MSG_MOST);
  /** POSIX message queues by name. */
  readonly queues = new Map<string, MqInode>();
}
