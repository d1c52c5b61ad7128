/** The scenarios that come with Tessera. Each is loaded on demand. */
import type { ScenarioFile } from '../scenarios/define.ts';

type Loader = () => Promise<{ default: ScenarioFile }>;

export const scenarioLoaders: Readonly<Record<string, Loader>> = {
  'hello-ipc': () => import('../scenarios/hello-ipc.ts'),
  getpid: () => import('../scenarios/getpid.ts'),
  'page-fault': () => import('../scenarios/page-fault.ts'),
  'fork-cow': () => import('../scenarios/fork-cow.ts'),
  pipe: () => import('../scenarios/pipe.ts'),
  interrupt: () => import('../scenarios/interrupt.ts'),
  mmio: () => import('../scenarios/mmio.ts'),
  'io-steps': () => import('../scenarios/io-steps.ts'),
  'look-ahead': () => import('../scenarios/look-ahead.ts'),
  'exit-latency': () => import('../scenarios/exit-latency.ts'),
  'tlb-tags': () => import('../scenarios/tlb-tags.ts'),
  kseg0: () => import('../scenarios/kseg0.ts'),
  'popf-hole': () => import('../scenarios/popf-hole.ts'),
  'trap-emulate': () => import('../scenarios/trap-emulate.ts'),
  shadow: () => import('../scenarios/shadow.ts'),
  patch: () => import('../scenarios/patch.ts'),
  selfcheck: () => import('../scenarios/selfcheck.ts'),
  afterburn: () => import('../scenarios/afterburn.ts'),
  classify: () => import('../scenarios/classify.ts'),
  'pg-efficiency': () => import('../scenarios/pg-efficiency.ts'),
  'pg-control': () => import('../scenarios/pg-control.ts'),
  'pg-equivalence': () => import('../scenarios/pg-equivalence.ts'),
  'guest-panic-report': () => import('../scenarios/guest-panic-report.ts'),
  'exit-matrix': () => import('../scenarios/exit-matrix.ts'),
  timeshare: () => import('../scenarios/timeshare.ts'),
  lpar: () => import('../scenarios/lpar.ts'),
  'cpu-hotplug': () => import('../scenarios/cpu-hotplug.ts'),
  'state-mgmt': () => import('../scenarios/state-mgmt.ts'),
  native: () => import('../scenarios/native.ts'),
  'getpid-cost': () => import('../scenarios/getpid-cost.ts'),
  tamed: () => import('../scenarios/tamed.ts'),
  hybrid: () => import('../scenarios/hybrid.ts'),
  alien: () => import('../scenarios/alien.ts'),
  covert: () => import('../scenarios/covert.ts'),
  domains: () => import('../scenarios/domains.ts'),
  toolbox: () => import('../scenarios/toolbox.ts'),
  signer: () => import('../scenarios/signer.ts'),
  'vmm-crash': () => import('../scenarios/vmm-crash.ts'),
  'mtd-ablation': () => import('../scenarios/mtd-ablation.ts'),
  restart: () => import('../scenarios/restart.ts'),
  'io-vbus': () => import('../scenarios/io-vbus.ts'),
  'two-worlds': () => import('../scenarios/two-worlds.ts'),
  'vm-boot': () => import('../scenarios/vm-boot.ts'),
  'side-by-side': () => import('../scenarios/side-by-side.ts'),
};

/** Their names, in reading order. */
export const scenarioNames: readonly string[] = Object.keys(scenarioLoaders);
