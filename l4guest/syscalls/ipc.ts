/** Interprocess communication: System V shared memory, semaphores and message queues, POSIX message queues. */
import { mqGetSetAttr, mqNotify, mqOpen, mqReceive, mqSend, mqUnlink } from '../ipc/mqueue.ts';
import { msgctl, msgget, msgrcv, msgsnd } from '../ipc/msg.ts';
import { semctl, semget, semtimedop } from '../ipc/sem.ts';
import { shmat, shmctl, shmdt, shmget } from '../ipc/shm.ts';
import { row, type Row } from './row.ts';

export const ipcCalls: Row[] = [
  row(194, 'shmget', 'key:x size flags:o', (t, key, size, flags) => shmget(t, key | 0, size, flags)), row(195, 'shmctl', 'id command buf:x', (t, id, cmd, va) => shmctl(t, id | 0, cmd, va)),
  row(196, 'shmat', 'id at:x flags:o', (t, id, at, flags) => shmat(t, id | 0, at, flags)), row(197, 'shmdt', 'at:x', shmdt),
  row(190, 'semget', 'key:x n flags:o', (t, key, n, flags) => semget(t, key | 0, n | 0, flags)), row(191, 'semctl', 'id num command arg:x', (t, id, num, cmd, arg) => semctl(t, id | 0, num | 0, cmd, arg)),
  row(193, 'semop', 'id ops:x n', (t, id, va, n) => semtimedop(t, id | 0, va, n, 0)), row(192, 'semtimedop', 'id ops:x n time:x', (t, id, va, n, time) => semtimedop(t, id | 0, va, n, time)),
  row(186, 'msgget', 'key:x flags:o', (t, key, flags) => msgget(t, key | 0, flags)), row(187, 'msgctl', 'id command buf:x', (t, id, cmd, va) => msgctl(t, id | 0, cmd, va)),
  row(189, 'msgsnd', 'id msg:x len flags:o', (t, id, va, n, flags) => msgsnd(t, id | 0, va, n, flags)), row(188, 'msgrcv', 'id msg:x len type flags:o', (t, id, va, n, type, flags) => msgrcv(t, id | 0, va, n, type, flags)),
  row(180, 'mq_open', 'name:s flags:open mode:m attr:x', mqOpen), row(181, 'mq_unlink', 'name:s', mqUnlink),
  row(182, 'mq_timedsend', 'fd msg:b len priority time:x', mqSend), row(183, 'mq_timedreceive', 'fd msg:r len priority:x time:x', mqReceive),
  row(184, 'mq_notify', 'fd event:x', mqNotify, { note: 'no SIGEV_THREAD' }), row(185, 'mq_getsetattr', 'fd new:x old:x', mqGetSetAttr),
];
