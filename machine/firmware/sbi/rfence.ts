/**
 * RFENCE extension: fences on other harts. Harts of this machine never run at the same instant, so a remote fence is
 * done when the call returns. `fence.i` needs nothing: decoded code follows every store.
 * @spec sbi 8 (v2.0)
 */
import type { HartApi } from '../../api.ts';
import type { FirmwareHost } from '../host.ts';
import { FirmwareEvent, type FirmwareCounts } from './pmu.ts';
import {
  A0, A1, A2, A3, A4, type SbiExtension, type SbiResult, hartMask, invalidParam, isAllOnes, low, notSupported, success, unsigned
} from './sbi.ts';

const PAGE = 4096;
/** Longer ranges are flushed whole. */
const MAX_PAGES = 64;

/** Applies a fence to one hart: `va` undefined = everything, `id` = the ASID or VMID in a4. */
type Fence = (target: HartApi, va: number | undefined, id: number) => void;

/** By function number. Guest-stage and VS-stage fences of one VM are both a flush of that VM's entries. */
const fences: readonly (Fence | undefined)[] = [
  () => {},
  (target, va) => target.sfenceVma(va),
  (target, va, asid) => target.sfenceVma(va, asid),
  (target, va, vmid) => target.hfenceGvma(va, vmid),
  (target, va) => target.hfenceGvma(va),
  (target) => target.hfenceGvma(),
  (target) => target.hfenceGvma(),
];

/** The PMU event counted at the sender, by function number. */
const sent = [
  FirmwareEvent.FENCE_I_SENT, FirmwareEvent.SFENCE_VMA_SENT, FirmwareEvent.SFENCE_VMA_ASID_SENT, FirmwareEvent.HFENCE_GVMA_VMID_SENT,
  FirmwareEvent.HFENCE_GVMA_SENT,
  FirmwareEvent.HFENCE_VVMA_ASID_SENT, FirmwareEvent.HFENCE_VVMA_SENT,
] as const;

export class RfenceExtension implements SbiExtension {
  readonly ids = [0x5246_4e43]; // "RFNC"
  readonly #host: FirmwareHost;
  readonly #counts: FirmwareCounts;

  constructor(host: FirmwareHost, counts: FirmwareCounts) {
    this.#host = host;
    this.#counts = counts;
  }

  call(hart: HartApi, fid: number): SbiResult {
    const fence = fences[fid];
    if (fence === undefined) return notSupported;
    const targets = hartMask(hart, A0, A1, this.#host.harts.length);
    if (targets === undefined) return invalidParam;
    const start = unsigned(hart, A2);
    const size = unsigned(hart, A3);
    const pages = Math.ceil((start % PAGE + size) / PAGE);
    const all = (start === 0 && size === 0) || isAllOnes(hart, A3) || pages > MAX_PAGES;
    for (const target of targets) {
      this.#counts.sent(hart.id, sent[fid], target);
      applyFence(fence, this.#host.harts[target], all ? undefined : signed(hart, A2), pages, low(hart, A4));
    }
    return success;
  }
}

function applyFence(fence: Fence, target: HartApi, start: number | undefined, pages: number, id: number): void {
  if (start === undefined) return fence(target, undefined, id);
  for (let i = 0; i < pages; i++) fence(target, start + i * PAGE, id);
}

/** A virtual address as harts represent it: kernel addresses are negative numbers, exact for page numbers. */
function signed(hart: HartApi, register: number): number {
  return hart.x32[2 * register + 1] * 2 ** 32 + (hart.x32[2 * register] >>> 0);
}
