/** What a hart asks about its processor, and what a switch changes of it. */

export interface CpuModel {
  /** As `--cpu` writes it: `base,no-h,exit=784`. */
  readonly text: string;
  /** Extensions that the processor lacks, whatever its ISA string says. */
  readonly absent: readonly string[];
  /** TLB entries carry the number of an address space; of a virtual machine. */
  readonly asids: boolean;
  readonly vmids: boolean;
  /** htinst and mtinst describe the access that faulted. */
  readonly htinst: boolean;
  /** satp, vsatp and hgatp have modes beside Bare. */
  readonly translation: boolean;
  /** U mode reads sstatus, and its writes to it are lost, without a trap. */
  readonly popf: boolean;
  /** Virtual addresses that the supervisor uses untranslated, and nobody else at all. */
  readonly kseg0: boolean;
  /** Cycles that leaving a virtual machine and entering it again cost together, beside what software does. */
  readonly exitCycles: number;
}

/** A processor as the manual wants it: RV64 with the hypervisor extension as ratified in 2021. */
export const BASE: CpuModel = {
  text: 'base', absent: [], asids: true, vmids: true, htinst: true, translation: true, popf: false, kseg0: false, exitCycles: 0,
};

export interface Switch {
  readonly name: string;
  /** For lists of switches. */
  readonly says: string;
  /** What the switch takes after `=`. */
  readonly value?: { readonly name: string; readonly least: number; readonly most: number };
  readonly change: (model: CpuModel, value: number) => CpuModel;
  /** Why the switch makes no sense in this model (all switches are set in it), as the end of a sentence. */
  readonly senseless?: (model: CpuModel) => string | undefined;
}

export const lacksVirtualMachines = (model: CpuModel): string | undefined =>
  (model.absent.includes('h') ? 'no-h leaves no virtual machines' : undefined);
export const lacksTranslation = (model: CpuModel): string | undefined => (model.translation ? undefined : 'no-mmu leaves no translation');
