/**
 * Folders of riscv-arch-test's later revisions: the ISA string of their tests, the machine they run on, and the tests left out.
 *
 * Not compared, because QEMU 7.2 does not have the extensions: CMO, D_Zfa, F_Zfa, Zacas, Zcmop, Zicond, Zimop, and Zcb in `C`; and Zfinx,
 * which Tessera does not have.
 */
export interface Folder {
  /** `-march` of the compiler. */
  readonly march: string;
  /** ISA string of the machine. */
  readonly isa: string;
  /** The extensions for the tests' own conditions. */
  readonly checkIsa: string;
  readonly float?: 32 | 64;
}

const BITS = 'zba_zbb_zbc_zbs';
const CRYPTO = 'zbb_zbc_zbkb_zbkc_zbkx_zknd_zkne_zknh_zksed_zksh';
const ALL = `rv64imafdc_zicsr_zifencei_${BITS}_${CRYPTO}_zfh_svadu_smepmp`;
const folder = (march: string, checkIsa: string, float?: 32 | 64): Folder => ({ march, checkIsa, float, isa: ALL });

export const folders: Record<string, Folder> = {
  'rv64i_m/I': folder('rv64i_zicsr', 'RV64I_Zicsr'),
  'rv64i_m/M': folder('rv64im_zicsr', 'RV64IM_Zicsr'),
  'rv64i_m/A': folder('rv64ia_zicsr', 'RV64IA_Zicsr'),
  'rv64i_m/C': folder('rv64ic_zicsr', 'RV64IC_Zicsr'),
  'rv64i_m/B': folder(`rv64i_zicsr_${BITS}`, 'RV64I_Zicsr_Zba_Zbb_Zbc_Zbs'),
  'rv64i_m/K': folder(`rv64i_zicsr_${CRYPTO}`, 'RV64IK_Zicsr_Zbb_Zbc_Zbkb_Zbkc_Zbkx_Zk_Zkn_Zks_Zknd_Zkne_Zknh_Zksed_Zksh'),
  'rv64i_m/F': folder('rv64if_zicsr', 'RV64IF_Zicsr', 32),
  'rv64i_m/D': folder('rv64ifd_zicsr', 'RV64IFD_Zicsr', 64),
  'rv64i_m/Zfh': folder('rv64ifd_zicsr_zfh', 'RV64IFD_Zicsr_Zfh', 64),
  'rv32i_m/F': folder('rv64if_zicsr', 'RV64IF_Zicsr', 32),
  'rv32i_m/D': folder('rv64ifd_zicsr', 'RV64IFD_Zicsr', 64),
  'rv32i_m/Zfh': folder('rv64ifd_zicsr_zfh', 'RV64IFD_Zicsr_Zfh', 64),
  'rv64i_m/Zifencei': folder('rv64i_zicsr_zifencei', 'RV64I_Zicsr_Zifencei'),
  'rv64i_m/privilege': folder('rv64ic_zicsr', 'RV64IC_Zicsr'),
  'rv64i_m/pmp64': folder('rv64i_zicsr', 'RV64ISU_Zicsr'),
  'rv64i_m/Svadu': folder('rv64i_zicsr', 'RV64ISU_Zicsr_Svadu'),
};

/** `folder/test`: reason. */
export const excludedTests: Record<string, string> = {
  'rv64i_m/privilege/ebreak': 'QEMU 7.2 writes 0 to mtval, we the address: both are allowed (priv 3.1.16)',
  'rv64i_m/C/cebreak-01': 'as privilege/ebreak',
  'rv64i_m/B/ctzw-01': 'QEMU 7.2 counts the zeros of the upper half as well; the answer for 0 is 32 (unpriv, Zbb)',
  'rv64i_m/pmp64/pmp64-CFG-reg': 'QEMU 7.2 stores the reserved bits 5 and 6 of pmpcfg, which are zero (priv 3.7.1)',
  'rv64i_m/pmp64/pmp64-NA4-RX-priority-level-2': 'behind the four bytes that may be executed a locked entry forbids everything; QEMU 7.2 '
    + 'asks only where a block of code begins',
  'rv64i_m/pmp64/pmp64-NA4-X-priority-level-2': 'as NA4-RX-priority-level-2',
};

export const QEMU_CPU = 'rv64,zba=on,zbb=on,zbc=on,zbs=on,zbkb=on,zbkc=on,zbkx=on,Zfh=on,zknd=on,zkne=on,zknh=on,zksed=on,zksh=on,h=off';
