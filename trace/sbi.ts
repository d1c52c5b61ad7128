/**
 * SBI: extensions and functions by number, as the specification names them, with their arguments (formats as in vocabulary.ts).
 * @spec sbi 3
 */
export interface SbiExtensionWords {
  readonly name: string;
  readonly functions: Readonly<Record<number, readonly [name: string, args: string]>>
}

type Row = readonly [name: string, args: string];
const extension = (name: string, ...rows: Row[]): SbiExtensionWords => ({
  name, functions: Object.fromEntries(rows.map((r, i) => [i, r]))
});
const legacy = (name: string, args = ''): SbiExtensionWords => ({ name: 'legacy', functions: { 0: [name, args] } });

export const sbiExtensions: Readonly<Record<number, SbiExtensionWords>> = {
  0: legacy('set_timer', 'time'), 1: legacy('console_putchar', 'char:c'), 2: legacy('console_getchar'), 3: legacy('clear_ipi'),
  4: legacy('send_ipi', 'mask:x'),
  5: legacy('remote_fence_i', 'mask:x'), 6: legacy('remote_sfence_vma', 'mask:x start:x size:x'),
  7: legacy('remote_sfence_vma_asid', 'mask:x start:x size:x asid'), 8: legacy('shutdown'),
  0x10: extension('base', ['get_spec_version', ''], ['get_impl_id', ''], ['get_impl_version', ''], ['probe_extension', 'extension:x'],
    ['get_mvendorid', ''], ['get_marchid', ''], ['get_mimpid', '']),
  0x54494d45: extension('time', ['set_timer', 'time']),
  0x735049: extension('ipi', ['send_ipi', 'mask:x base']),
  0x52464e43: extension('rfence', ['remote_fence_i', 'mask:x base'], ['remote_sfence_vma', 'mask:x base start:x size:x'],
    ['remote_sfence_vma_asid', 'mask:x base start:x size:x asid'],
    ['remote_hfence_gvma_vmid', 'mask:x base start:x size:x vmid'], ['remote_hfence_gvma', 'mask:x base start:x size:x'],
    ['remote_hfence_vvma_asid', 'mask:x base start:x size:x asid'], ['remote_hfence_vvma', 'mask:x base start:x size:x']),
  0x48534d: extension('hsm', ['hart_start', 'hart start:x opaque:x'], ['hart_stop', ''], ['hart_get_status', 'hart'],
    ['hart_suspend', 'type:x resume:x opaque:x']),
  0x53525354: extension('srst', ['system_reset', 'type reason']),
  0x504d55: extension('pmu', ['num_counters', ''], ['counter_get_info', 'counter'],
    ['counter_config_matching', 'base mask:x flags:x event:x data:x'], ['counter_start', 'base mask:x flags:x initial:x'],
    ['counter_stop', 'base mask:x flags:x'], ['counter_fw_read', 'counter'], ['counter_fw_read_hi', 'counter'],
    ['snapshot_set_shmem', 'lo:x hi:x flags:x']),
  0x4442434e: extension('dbcn', ['console_write', 'length:n buf:g hi:x'], ['console_read', 'length lo:x hi:x'],
    ['console_write_byte', 'char:c']),
  0x53555350: extension('susp', ['system_suspend', 'type:x resume:x opaque:x']),
  0x43505043: extension('cppc', ['probe', 'register:x'], ['read', 'register:x'], ['read_hi', 'register:x'],
    ['write', 'register:x value:x']),
  0x4e41434c: extension('nacl', ['probe_feature', 'feature:x'], ['set_shmem', 'lo:x hi:x flags:x'], ['sync_csr', 'csr:x'],
    ['sync_hfence', 'entry'], ['sync_sret', '']),
  0x535441: extension('sta', ['set_shmem', 'lo:x hi:x flags:x']),
};

/** Errors by their (negative) number. */
export const sbiErrors: Readonly<Record<number, string>> = {
  0: 'success', [-1]: 'failed', [-2]: 'not supported', [-3]: 'invalid parameter', [-4]: 'denied', [-5]: 'invalid address',
  [-6]: 'already available', [-7]: 'already started', [-8]: 'already stopped', [-9]: 'no shared memory',
};
