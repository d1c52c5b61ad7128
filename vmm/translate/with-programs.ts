/**
 * Pre-virtualization on a processor where an access of programs does not trap: sites of the guest's kernel were rewritten from a list
 * (listed.ts); its programs are looked at before they run, as by scan and patch (scanned.ts).
 */
import type { Syscalls } from '../../binding/index.ts';
import { Right, type Sys, type Utcb } from '../../microkernel/abi/index.ts';
import type { Access, View, Walk } from '../memory/walker.ts';
import type { CodeRights, GuestCode } from './guest-code.ts';
import type { KernelCode } from './kernel-code.ts';
import type { ListedCode, ListedSites } from './listed.ts';
import type { ScannedCode } from './scanned.ts';

const isCode = (code: ScannedCode, page: number): boolean => code.isHarmless(page) || code.has(page);

export class RightsWithPrograms implements CodeRights {
  readonly #sites: ListedSites;
  readonly #programs: ScannedCode;
  constructor(sites: ListedSites, programs: ScannedCode) {
    this.#sites = sites;
    this.#programs = programs;
  }
  /** The kernel executes its own pages as they are; nobody writes those that programs execute. */
  rights(gpa: number, rights: number, privileged: boolean, at: number): number {
    const own = this.#sites.rights(gpa, rights, privileged, at);
    return privileged ? own & (isCode(this.#programs, gpa) ? ~Right.W : ~0) : this.#programs.rights(gpa, own, false);
  }
  allowsLarge(large: number, rights: number, privileged: boolean, at: number): boolean {
    return this.#sites.allowsLarge(large, rights, privileged, at) && this.#programs.allowsLarge(large, rights, privileged);
  }
}

export class CodeWithPrograms implements GuestCode {
  readonly #kernel: ListedCode;
  readonly #programs: KernelCode;
  readonly #code: ScannedCode;
  readonly #view: () => View;
  constructor(kernel: ListedCode, programs: KernelCode, code: ScannedCode, view: () => View) {
    this.#kernel = kernel;
    this.#programs = programs;
    this.#code = code;
    this.#view = view;
  }
  get counts(): { siteTraps: number } { return this.#kernel.counts; }
  siteAt(utcb: Utcb): number | undefined { return this.#kernel.siteAt(utcb); }
  nextSite(utcb: Utcb): number | undefined { return this.#kernel.nextSite(utcb); }
  breakpoint(sys: Syscalls, pc: bigint, utcb: Utcb): Sys<boolean> {
    return this.#view().privileged ? this.#kernel.breakpoint(sys, pc, utcb) : this.#programs.breakpoint(sys, pc);
  }
  /** Fetches of programs, and accesses to pages that they execute. */
  fault(sys: Syscalls, access: Access, found: Exclude<Walk, string>, address: bigint, pc: bigint): Sys<void> {
    const isTheirs = access === 'fetch' ? !this.#view().privileged : isCode(this.#code, found.page);
    return (isTheirs ? this.#programs : this.#kernel).fault(sys, access, found, address, pc);
  }
  closeStubs(): void { this.#kernel.closeStubs(); }
  original(gpa: number): number | undefined { return this.#kernel.original(gpa); }
  text(pc: bigint): string { return this.#programs.text(pc); }
}
