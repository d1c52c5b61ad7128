/** Packets that say why everything stopped. @spec gdb "Stop Reply Packets" */
import { nameOf } from './ids.ts';
import type { TargetStop } from './target.ts';

const byte = (n: number): string => (n & 0xff).toString(16).padStart(2, '0');

/** Facts about the client that a reply depends on. */
interface Told { readonly client: ReadonlySet<string>; readonly isMany: boolean; nameOf(thread: number): string; readonly first: number }

export function stopReply(stop: TargetStop, told: Told): string {
  if (stop.kind === 'over') {
    const whose = told.isMany ? `;process:${(stop.process ?? told.first).toString(16)}` : '';
    return `${stop.signalled ? 'X' : 'W'}${byte(stop.status)}${whose}`;
  }
  const thread = `thread:${told.nameOf(stop.thread)};`;
  switch (stop.kind) {
    case 'signal': return `T${byte(stop.signal)}${thread}`;
    case 'fork': return `T05${stop.how}:${nameOf(stop.child.id ?? 1, stop.child.process, told.isMany)};${thread}`;
    case 'vforkdone': return `T05vforkdone:;${thread}`;
    case 'exec': return `T05exec:${Buffer.from(stop.path).toString('hex')};${thread}`;
    case 'point': {
      if (stop.point === 'break') return `T05${thread}${told.client.has('swbreak+') ? 'swbreak:;' : ''}`;
      const name = { write: 'watch', read: 'rwatch', access: 'awatch' }[stop.point];
      return `T05${thread}${name}:${stop.address.toString(16)};`;
    }
  }
}
