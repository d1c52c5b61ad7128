/**
 * The guest's device tree, from the list of devices. `rng-seed` matters: without it Linux's random generator never initialises.
 * @spec devicetree 3 (v0.4); devicetree bindings riscv/cpus.yaml, riscv/extensions.yaml
 */
import { type BoardDevice, cpuOf, factories, intcOf, Phandle } from './board.ts';
import { type Node, type Value, flatten, node, u64s } from './fdt.ts';
import { RAM_BASE } from './ram.ts';

export interface TreeOptions {
  readonly rows: readonly BoardDevice[];
  readonly memory: number;
  /** Start of memory; default RAM_BASE. */
  readonly base?: number;
  readonly smp: number;
  readonly isa: string;
  readonly append: string;
  readonly rngSeed: Uint8Array;
  readonly initrd?: { readonly start: number; readonly end: number };
}

const TIMEBASE_HZ = 10_000_000, CACHE_BLOCK = 64;

export function guestTree(options: TreeOptions): Uint8Array {
  const nodes = options.rows.flatMap((row) => factories[row.compatible].nodes(row, options.smp)),
    cpus = Array.from({ length: options.smp }, (_, i) => i);
  const soc = { compatible: 'simple-bus', '#address-cells': 2, '#size-cells': 2, ranges: true, 'interrupt-parent': Phandle.plic } as const;
  return flatten(node('', { '#address-cells': 2, '#size-cells': 2, compatible: 'riscv-virtio', model: 'tessera,vm' }, [
    chosen(options),
    node(`memory@${(options.base ?? RAM_BASE).toString(16)}`,
      { device_type: 'memory', reg: u64s(options.base ?? RAM_BASE, options.memory) }),
    node('cpus', { '#address-cells': 1, '#size-cells': 0, 'timebase-frequency': TIMEBASE_HZ }, [
      ...cpus.map((i) => cpuNode(i, options.isa)),
      node('cpu-map', {}, [node('cluster0', {}, cpus.map((i) => node(`core${i}`, { cpu: cpuOf(i) })))]),
    ]),
    node('soc', soc, nodes.filter((n) => 'reg' in n.props)),
    ...nodes.filter((n) => !('reg' in n.props)),
  ]));
}

function chosen(options: TreeOptions): Node {
  const uart = options.rows.find((r) => r.compatible === 'ns16550a');
  const props: Record<string, Value> = { 'rng-seed': options.rngSeed };
  if (uart) props['stdout-path'] = `/soc/serial@${uart.base.toString(16)}`;
  if (options.append !== '') props['bootargs'] = options.append;
  if (options.initrd) {
    props['linux,initrd-start'] = u64s(options.initrd.start);
    props['linux,initrd-end'] = u64s(options.initrd.end);
  }
  return node('chosen', props);
}

/** cpu@0 { riscv,isa-extensions = "i", "m", …, "sstc"; interrupt-controller { … }; } */
function cpuNode(vcpu: number, isa: string): Node {
  const [base, ...named] = isa.split('_'), extensions = [...base.slice('rv64'.length), ...named];
  const props: Record<string, Value> = {
    device_type: 'cpu', reg: vcpu, status: 'okay', compatible: 'riscv', 'riscv,isa': isa, 'riscv,isa-base': 'rv64i',
    'riscv,isa-extensions': extensions,
    'mmu-type': 'riscv,sv39', phandle: cpuOf(vcpu),
  };
  if (extensions.includes('zicbom')) props['riscv,cbom-block-size'] = CACHE_BLOCK;
  if (extensions.includes('zicboz')) props['riscv,cboz-block-size'] = CACHE_BLOCK;
  const intc = node('interrupt-controller', {
    compatible: 'riscv,cpu-intc', 'interrupt-controller': true, '#interrupt-cells': 1, phandle: intcOf(vcpu)
  });
  return node(`cpu@${vcpu.toString(16)}`, props, [intc]);
}
