/**
 * QEMU 7.2's differences from the hypervisor suite: the cases, QEMU's behaviour, the specification's text. Each was judged against the
 * text. `since`: QEMU was right by the edition it was written for.
 */
export interface Difference {
  readonly cases: RegExp;
  readonly clause: string;
  readonly qemu: string;
  readonly specification: string;
  readonly since?: string;
}

const row = (clause: string, cases: RegExp, qemu: string, specification: string, since?: string): Difference =>
  ({ clause, cases, qemu, specification, since });

export const QEMU_DIFFERENCES: readonly Difference[] = [
  row('priv 21.2.1', /^csr: hstatus keeps zeros/, 'every bit of hstatus can be written', 'VSXL is WARL, the rest is WPRI'),
  row('priv 21.2.2', /^csr: (hedeleg|medeleg (keeps ones|holds))/, 'software check and hardware error cannot be delegated',
    'bits 18 and 19 are writable', 'edition 1.13'),
  row('priv 3.1.8', /^csr: medeleg keeps zeros/, 'medeleg[11] can be set', 'read-only zero'),
  row('priv 21.2.3', /^csr: hvip|^csr: vsip shows bit 6|hvip\.VSTIP is or'ed in|^counter: vstimecmp .*: (vsip|without)/,
    'VSTIP of hvip cannot be written where there is Sstc, and the comparator counts without STCE; vsip does not show it',
    'hip.VSTIP is hvip.VSTIP or the comparator, which counts only under both STCE'),
  row('priv 21.2.3', /^csr: (mip\.VSSIP|vsip shows bit 10)/, 'mip writes all of hvip; vsip does not show VSEIP',
    'only VSSIP of mip is writable; vsip.SEIP is hip.VSEIP'),
  row('priv 21.2.6', /^csr: hcounteren/, 'hcounteren holds 64 bits', 'a 32-bit register'),
  row('priv 21.2.9', /^csr: htinst/, 'htinst cannot be written', 'read/write: it holds what a trap may write there'),
  row('priv 21.2.11', /^csr: vsstatus|^state: SD of vsstatus/, 'reserved bits and UXL = 3 can be written; SD does not follow FS',
    'UXL is WARL; SD summarizes FS'),
  row('priv 21.2.13', /^csr: vstvec/, 'reserved modes of vstvec stay', 'WARL'),
  row('priv 21.2.15', /^csr: vsepc/, 'bit 0 of vsepc can be set', 'never set, as in sepc'),
  row('priv 21.2.10', /^csr: [vh]s?g?atp/, 'any value can be written to hgatp and vsatp',
    'reserved modes are not taken, PPN[1:0] of hgatp is zero, VMID has 14 bits at most'),
  row('priv 21.2.5', /^csr: henvcfg\.(PBMTE|STCE)/, 'henvcfg has what menvcfg withholds', 'read-only zero where menvcfg has zero'),
  row('priv 3.1.18', /^csr: [hms]envcfg\.CBIE/, 'the reserved value of CBIE stays', 'WARL'),
  row('priv 21.6.1', /^matrix: (read|write) s\w+ in VU/, 'supervisor registers in VU mode: illegal instruction',
    'virtual instruction: the access would be allowed in HS mode'),
  row('priv 21.6.1', /^matrix: (sret|sfence|sinval|hfence|hinval)\S* in VU/,
    'supervisor and hypervisor instructions in VU mode: illegal instruction', 'virtual instruction'),
  row('priv 21.6.1', /^matrix: wfi in VU/, 'wfi in VU mode under TW: virtual instruction', 'illegal instruction'),
  row('priv 15', /^matrix: sfence\S*inval\S* in U/, 'sfence.w.inval and sfence.inval.ir work in U mode', 'illegal instruction'),
  row('priv 21.4.1', /^matrix: .* in V[SU], TVM/, 'mstatus.TVM traps in VS mode', 'TVM affects HS mode only'),
  row('priv 21.4.1', /^matrix: sret in VS, TSR/, 'mstatus.TSR traps in VS mode', 'TSR affects HS mode only'),
  row('priv 21.2.1', /^matrix: .*satp in V[SU], VTVM/, 'VTVM does not keep the guest from satp', 'virtual instruction'),
  row('priv 21.4.1', /^matrix: .*hgatp in HS, TVM/, 'hgatp can be accessed under TVM', 'illegal instruction'),
  row('priv 21.5.1', /the highest guest page$/, 'the top quarter of guest physical addresses is refused',
    '41, 50 and 59 bits, zero-extended'),
  row('priv 21.5.1', /the table is hidden$|^permission: tables mapped/,
    'a guest page fault on a table is named after the read of the table', 'after the original access'),
  row('priv 12.4.1', /^translate: .*-stage entry, .*bit \d+|^translate: .*PBMT without/, 'reserved bits of entries are ignored',
    'page fault'),
  row('priv 12.3.2', /^translate: .* table is nowhere|^permission: PMP: a .* table/, 'a table that cannot be read: page fault',
    'access fault, with GVA'),
  row('priv 3.7.2', /^permission: PMP: (load|store|fetch|hlv|hsv)/, 'PMP under two stages: guest page fault; hlvx does not ask for execute',
    'access fault; hlvx needs read and execute'),
  row('priv 21.3.1', /^hlv: hlvx of a device/, 'hlvx reads devices', 'the memory must be executable'),
  row('priv 21.5', /^permission: ..?-stage [RWXU-]+ in V[SU],.* MXR|HS-level MXR counts/,
    'MXR of HS does not count for the guest, MXR of the guest counts for the second stage',
    'HS-level MXR overrides both stages, vsstatus.MXR only the first'),
  row('priv 14', /-stage memory type/, 'memory types are taken without PBMTE, and type 3', 'reserved: page fault'),
  row('priv 16', /^update: /, 'hardware updates A and D always', 'without Svadu: page fault (Svade)', 'Svade, Svadu'),
  row('priv 21.6.3', /^tinst: amo/, 'an AMO ends in a load guest page fault', 'store/AMO guest page fault'),
  row('priv 3.1.9', /^interrupt: (guest|host|many|VS and S|all)/, 'external interrupts come after the others of their level',
    'MEI, MSI, MTI, SEI, SSI, STI, SGEI, VSEI, VSSI, VSTI'),
  row('priv 21.4.1', /^trap: (illegal|virtual) instruction in V[SU], medeleg 0/, 'GVA is set by every trap from a guest',
    'only where mtval is a guest virtual address'),
  row('priv 21.6.2', /^trap: illegal instruction in V[SU], medeleg 1 hedeleg 1|^trap: a fault at the guest's vector/,
    'illegal instruction passed on to the guest shows cause 1', 'cause 2: only interrupts are renumbered'),
  row('priv 3.1.15', /^trap: misaligned amo/, 'a misaligned AMO: load address misaligned', 'store/AMO address misaligned'),
  row('priv 3.1.6', /^trap: mret, .* MPRV ends/, 'mret leaves MPRV', 'cleared by a return to a less privileged mode', 'edition 1.12'),
  row('priv 21.4.1', /^trap: mret, MPP 3 MPV 1/, 'mret to M mode with MPV: V becomes 1', 'V stays 0'),
  row('priv 21.3.1', /^hlv: .* over .*, SPVP|^hlv: (hlv|hsv|hlvx) of .* without VS|^hlv: MPRV as/,
    "first-stage faults of hlv, hsv, hlvx and MPRV while satp is Bare: access fault", 'page fault'),
  row('priv 21.4.1', /^hlv: (hlv|hsv|hlvx) of .* without G stage, to M/, 'GVA is not set by faults of hlv, hsv, hlvx',
    'the address is a guest virtual one'),
  row('priv 21.2.11', /^state: csrw fflags/, 'a write of fflags in a guest does not make vsstatus.FS dirty', 'both FS become dirty'),
];
