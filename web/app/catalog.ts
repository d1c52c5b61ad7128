/**
 * What there is to be looked at, in the words of the first screen. The scenarios themselves come with the system. `look`: a filter for the record that is
 * shown when the run is over, the story's beginning.
 */
export interface Entry { readonly name: string; readonly title: string; readonly says: string; readonly images?: readonly string[]; readonly view?: 'list' | 'sequence' | 'timeline' | 'memory'; readonly look?: string }

export const scenarios: readonly Entry[] = [
  { name: 'hello-ipc', title: 'Two tasks and a message', says: 'One task asks, another answers. Nothing else can happen between them.', view: 'sequence', look: 'task:visitor kind:call' },
  { name: 'getpid', title: 'What a system call costs', says: 'A Linux program asks a thousand times: two kernel entries each, two address-space switches.', look: 'nr:getppid' },
  { name: 'page-fault', title: 'A page fault', says: 'The Unix server is the pager of its processes: a fault is a message, its answer maps memory.', view: 'sequence', look: 'cause:pageFault task:pagefault*' },
  { name: 'fork-cow', title: 'Fork, copied when written', says: 'Parent and child share pages until one of them writes.', view: 'memory', look: 'nr:clone' },
  { name: 'pipe', title: 'A pipe', says: 'Two processes take turns; the scheduler and the server do the rest.', view: 'timeline', look: 'nr:read task:pipebench*' },
  { name: 'interrupt', title: 'A time slice ends', says: 'A timer interrupt becomes a message and takes the processor from a process that computes.', view: 'timeline', look: 'kind:recall' },
  { name: 'mmio', title: 'One device access of a virtual machine', says: 'A guest reads one register: eight steps, and all of them visible.', view: 'sequence', look: 'cause:guestPageFault' },
  { name: 'exit-latency', title: 'What an exit costs', says: 'A guest measures its own ways out of the virtual machine.', view: 'timeline', look: 'cause:sbi' },
  { name: 'tlb-tags', title: 'Two guests, one translation buffer', says: 'What a switch between virtual machines costs in misses.', view: 'timeline', look: 'cause:sbi' },
  { name: 'kseg0', title: 'A window that cannot be virtualized', says: 'A guest linked into untranslated memory is refused; relinked, it runs.', look: 'cause:sbi' },
  { name: 'popf-hole', title: 'The instruction that does not trap', says: 'A guest kernel without its privileges: it runs while everything sensitive traps, and goes wrong where one instruction does not.', look: 'cause:illegal' },
  { name: 'trap-emulate', title: 'A kernel without its privileges', says: 'One guest twice: by the hypervisor extension, and trap by trap.',
    view: 'sequence', look: 'cause:illegal' },
  { name: 'shadow', title: 'Page tables behind page tables', says: 'Shadow tables put right at fences, traced, and not needed.', look: 'cause:pageFault' },
  { name: 'pg-equivalence', title: 'The same, whatever runs it', says: 'A guest tries all registers; three techniques, one digest.', look: 'to:console kind:call' },
  { name: 'pg-control', title: 'Nothing leaves the virtual machine', says: 'Every register, every hole; a neighbour does not notice.', look: 'kind:event' },
  { name: 'guest-panic-report', title: 'A kernel panics, and is looked at',
    says: 'A guest follows a null pointer; while it says so, its processors and page tables are read.', look: 'cause:sbi' },
  { name: 'exit-matrix', title: 'What leaves a guest',
    says: 'Bits of hedeleg, hcounteren and hstatus chosen one by one: the same guest, other exits.',
    look: 'cause:guestTrap,virtualInstruction' },
  { name: 'timeshare', title: 'Nobody keeps the processor',
    says: 'Two guests compute with their interrupts off, a third is woken in time all the same.', view: 'timeline', look: 'kind:schedule' },
  { name: 'state-mgmt', title: 'Where a guest’s registers stay',
    says: 'They stay in the processor until another guest needs it, or are copied at each exit.', look: 'cause:sbi' },
  { name: 'lpar', title: 'Parts of a processor', says: 'Three guests have fixed parts of one processor, by the hundredth.',
    view: 'timeline', look: 'kind:schedule' },
  { name: 'native', title: 'A program that knows the kernel', says: 'No Unix and no virtual machine: RISC-V code makes the kernel’s calls itself.', look: 'kind:call task:pingpong' },
  { name: 'restart', title: 'A server crashes', says: 'It is reported, started again, and its clients see an error instead of silence.', look: 'kind:destroy' },
  { name: 'two-worlds', title: 'Two worlds on one kernel', says: 'A Unix shell with a pipeline, beside it a virtual machine with its own operating system.', view: 'timeline', look: 'nr:pipe2' },
  { name: 'vm-boot', title: 'Debian in a virtual machine', says: 'The kernel that Debian ships boots to a shell.', images: ['vmlinuz', 'initramfs'] },
  { name: 'side-by-side', title: 'Four worlds', says: 'One kernel panics, one server is killed; the others do not notice.', images: ['vmlinuz', 'initramfs', 'rootfs'] },
];
