/** How one run of a virtual machine ends: by its software, or because the monitor cannot continue it. */
import type { Ending } from '../hardware/chips/finisher.ts';

export type VmEnding = Ending | { readonly kind: 'stopped'; readonly why: string };

export function sayEnding(ending: VmEnding): string {
  switch (ending.kind) {
    case 'failure': return `the guest has failed with code ${ending.code}`;
    case 'stopped': return ending.why;
    case 'reboot': return 'rebooted';
    case 'powerOff': return 'powered off';
  }
}

/** Neither powered off nor rebooted. */
export const isFailure = (e: VmEnding): boolean => e.kind === 'failure' || e.kind === 'stopped';
