/**
 * Call trees: which requests caused which. An event or call from a thread that serves no request is a root; the requests of a server
 * between a request and its answer are that request's children. Equal paths from the root share one node.
 */
import { Cause, Kind, causeName } from '../microkernel/abi/index.ts';
import { cyclesText } from './decode.ts';
import { labelName } from './labels.ts';
import type { TraceSource } from './reader.ts';
import type { RecordView } from './record.ts';
import { callName, registerOf } from './said.ts';
import { Samples } from './samples.ts';
import type { Latency } from './stats.ts';

export interface CallNode {
  /** Requester and request: `sh: openat`, `linux: stream.write`. */
  readonly name: string;
  readonly count: number;
  /** Total cycles from request to answer; and those not spent in children. */
  readonly total: number;
  readonly self: number;
  readonly latency: Latency | undefined;
  readonly children: readonly CallNode[];
}

class Node {
  readonly name: string;
  readonly children = new Map<string, Node>();
  readonly samples = new Samples();
  count = 0;
  total = 0;
  constructor(name: string) { this.name = name; }
  child(name: string): Node {
    let node = this.children.get(name);
    if (!node) this.children.set(name, (node = new Node(name)));
    return node;
  }
  result(): CallNode {
    const children = [...this.children.values()].map((c) => c.result()).sort((a, b) => b.total - a.total || b.count - a.count);
    return {
      name: this.name, count: this.count, total: this.total, self: this.total - children.reduce((n, c) => n + c.total, 0),
      latency: this.samples.latency(), children
    };
  }
}
interface Open { readonly node: Node; readonly time: number; readonly server: number }

/** Deeper chains are counted at this depth. */
const DEPTH = 12;

/** The roots, longest total time first. `keep`: which requests may be roots. */
export function callTree(trace: TraceSource, keep: (record: RecordView) => boolean = () => true): CallNode[] {
  const root = new Node(''), open = new Map<number, Open & { depth: number }>(), serving = new Map<number, number>();
  for (const record of trace.records()) {
    if (record.kind === Kind.call || (record.kind === Kind.event && record.object !== 0)) {
      const parent = open.get(serving.get(record.actor) ?? 0), server = serverOf(trace, record.object);
      if (!parent && !keep(record)) continue;
      const depth = (parent?.depth ?? 0) + 1,
        node = (parent && depth > DEPTH ? parent.node : (parent?.node ?? root).child(nameOf(trace, record)));
      node.count++;
      open.set(record.sequence, { node, time: record.time, server, depth });
      if (record.kind === Kind.event) serving.set(server, record.sequence);
    } else if (record.kind === Kind.receive && open.has(record.cause)) serving.set(record.actor, record.cause);
    else if (record.kind === Kind.reply || record.kind === Kind.resume) {
      const request = open.get(record.cause);
      if (serving.get(record.actor) === record.cause) serving.delete(record.actor);
      if (!request) continue;
      open.delete(record.cause);
      request.node.total += record.time - request.time;
      request.node.samples.add(record.time - request.time);
    } else if (record.kind === Kind.invoke) {
      const done = open.get(serving.get(record.actor) ?? 0)?.node.child(`${trace.taskOf(record.actor)}: ${labelName(record.a)}`);
      if (done) done.count++;
    }
  }
  return root.result().children as CallNode[];
}

const serverOf = (trace: TraceSource, portal: number): number => trace.names.get(portal)?.parent ?? 0;
function nameOf(trace: TraceSource, record: RecordView): string {
  const task = trace.taskOf(record.actor);
  if (record.kind === Kind.call) return `${task}: ${trace.words.labels?.[record.a]?.[0] ?? labelName(record.a)}`;
  if (record.a === Cause.syscall) return `${task}: ${callName(trace.words, record.c)}`;
  const at = registerOf(record);
  return `${task}: ${at ? `${at.device}.${at.register}` : causeName(record.a)}`;
}

/** The trees as text. `least`: share of a root's time below which a node is left out. */
export function callReport(roots: readonly CallNode[], depth = 6, least = 0.001): string {
  const lines = ['    count      total     median       self  request'], all = roots.reduce((n, r) => n + r.total, 0);
  const add = (n: CallNode, level: number): void => {
    if (level >= depth || (n.total < least * all && level > 0 && n.count < 2)) return;
    lines.push(`${n.count.toLocaleString('en-US').padStart(9)} ${cyclesText(n.total).padStart(10)} `
      + `${(n.latency ? cyclesText(n.latency.median) : '-').padStart(10)} ${cyclesText(Math.max(0, n.self)).padStart(10)}  `
      + `${'  '.repeat(level)}${n.name}`);
    for (const callNode of n.children) add(callNode, level + 1);
  };
  for (const root of roots) add(root, 0);
  return roots.length === 0 ? 'no requests\n' : lines.join('\n') + '\n';
}
