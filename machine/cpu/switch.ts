/** The properties of a processor model, and the switches that change them. */

export interface CpuModel {
  /** As `--cpu` writes it: `base,no-h,exit=784`. */
  readonly text: string;
  /** Extensions that the processor lacks, whatever its ISA string says. */
  readonly absent: readonly string[];
  /** TLB entries carry an address-space number; a virtual-machine number. */
  readonly asids: boolean;
  readonly vmids: boolean;
  /** htinst and mtinst describe the access that faulted. */
  readonly htinst: boolean;
  /** The supervisor has loads and stores as its guest would do them. */
  readonly hlv: boolean;
  /** satp, vsatp and hgatp have modes other than Bare. */
  readonly translation: boolean;
  /** U mode reads sstatus, and its writes to it are lost, without a trap. */
  readonly popf: boolean;
  /** Virtual addresses that are untranslated for the supervisor and fault in every other mode. */
  readonly kseg0: boolean;
  /** Cycles of one exit plus one entry of a virtual machine, besides the software's. */
  readonly exitCycles: number;
  /** Guest external interrupts of each hart (GEILEN). */
  readonly guestLines: number;
}

/** A processor that follows the manual: RV64 with the hypervisor extension as ratified in 2021. */
export const BASE: CpuModel = {
  text: 'base', absent: [], asids: true, vmids: true, htinst: true, hlv: true, translation: true, popf: false, kseg0: false, exitCycles: 0,
  guestLines: 0,
};

export interface Switch {
  readonly name: string;
  /** One line for lists of switches. */
  readonly says: string;
  /** The name of the value after `=`. */
  readonly value?: { readonly name: string; readonly least: number; readonly most: number };
  readonly change: (model: CpuModel, value: number) => CpuModel;
  /** Why the switch contradicts this model (which has all given switches set), as the end of a sentence. */
  readonly senseless?: (model: CpuModel) => string | undefined;
}

export const lacksVirtualMachines = (model: CpuModel): string | undefined =>
  (model.absent.includes('h') ? 'no-h leaves no virtual machines' : undefined);
export const lacksTranslation = (model: CpuModel): string | undefined => (model.translation ? undefined : 'no-mmu leaves no translation');
