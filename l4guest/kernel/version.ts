/** What uname says: a Linux whose system calls we speak. */
export const RELEASE = '6.12.0-tessera', VERSION = '#1 SMP Tessera l4guest', MACHINE = 'riscv64';
