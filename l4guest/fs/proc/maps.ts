/** /proc/PID/maps and smaps. */
import type { Process } from '../../kernel/process.ts';
import type { Thread } from '../../kernel/thread.ts';
import type { Vma } from '../../mm/vma.ts';

function line(v: Vma): string {
  const p = v.prot, rights = `${p & 1 ? 'r' : '-'}${p & 2 ? 'w' : '-'}${p & 4 ? 'x' : '-'}${v.shared && v.object?.ino ? 's' : 'p'}`, hex = (n: number, w: number): string => n.toString(16).padStart(w, '0');
  const head = `${hex(v.start, 8)}-${hex(v.end, 8)} ${rights} ${hex(v.object ? v.first * 4096 : 0, 8)} 00:${hex(v.object?.dev ?? 0, 2)} ${v.object?.ino ?? 0} `;
  return `${v.name ? `${head.padEnd(73)}${v.name}` : head}\n`;
}
export const maps = (p: Process, _t: Thread): string => (p.alive ? p.mm.areas.list.map(line).join('') : '');
export function smaps(p: Process, _t: Thread): string {
  if (!p.alive) return '';
  return p.mm.areas.list.map((v) => {
    let resident = 0;
    p.mm.table.update(v.start / 4096, v.end / 4096, (_vpn, pte) => { resident += 4; return pte; });
    const kb = (name: string, n: number): string => `${`${name}:`.padEnd(16)}${String(n).padStart(8)} kB\n`;
    return `${line(v)}${kb('Size', (v.end - v.start) / 1024)}${kb('KernelPageSize', 4)}${kb('MMUPageSize', 4)}${kb('Rss', resident)}${kb('Pss', resident)}${kb('Private_Dirty', v.shared ? 0 : resident)}${kb('Swap', 0)}${kb('Locked', v.locked === 0 ? 0 : v.locked === 1 ? (v.end - v.start) / 1024 : resident)}`;
  }).join('');
}
