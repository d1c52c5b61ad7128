/** Interprocess communication: System V shared memory, semaphores and message queues, POSIX message queues. */
import { mqGetSetAttr, mqNotify, mqOpen, mqReceive, mqSend, mqUnlink } from '../ipc/mqueue.ts';
import { msgctl, msgget, msgrcv, msgsnd } from '../ipc/msg.ts';
import { semctl, semget, semtimedop } from '../ipc/sem.ts';
import { shmat, shmctl, shmdt, shmget } from '../ipc/shm.ts';
import { row, type Row } from './row.ts';

export const ipcCalls: Row[] = [
  row('shmget', (t, key, size, flags) => shmget(t, key | 0, size, flags)), row('shmctl', (t, id, cmd, va) => shmctl(t, id | 0, cmd, va)),
  row('shmat', (t, id, at, flags) => shmat(t, id | 0, at, flags)), row('shmdt', shmdt),
  row('semget', (t, key, n, flags) => semget(t, key | 0, n | 0, flags)),
  row('semctl', (t, id, num, cmd, arg) => semctl(t, id | 0, num | 0, cmd, arg)),
  row('semop', (t, id, va, n) => semtimedop(t, id | 0, va, n, 0)),
  row('semtimedop', (t, id, va, n, time) => semtimedop(t, id | 0, va, n, time)),
  row('msgget', (t, key, flags) => msgget(t, key | 0, flags)), row('msgctl', (t, id, cmd, va) => msgctl(t, id | 0, cmd, va)),
  row('msgsnd', (t, id, va, n, flags) => msgsnd(t, id | 0, va, n, flags)),
  row('msgrcv', (t, id, va, n, type, flags) => msgrcv(t, id | 0, va, n, type, flags)),
  row('mq_open', mqOpen), row('mq_unlink', mqUnlink),
  row('mq_timedsend', mqSend), row('mq_timedreceive', mqReceive),
  row('mq_notify', mqNotify, { note: 'no SIGEV_THREAD' }), row('mq_getsetattr', mqGetSetAttr),
];
