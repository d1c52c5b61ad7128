/** The release for uname: a Linux version whose system calls we implement. */
export const RELEASE = '6.12.0-tessera', VERSION = '#1 SMP Tessera l4guest', MACHINE = 'riscv64';
