/**
 * TLB entries carry no address-space number: satp.ASID and vsatp.ASID are hardwired to zero (ASIDLEN = 0). Every switch of address
 * spaces flushes the TLB.
 *
 * Processors: IA-32 until Westmere's PCID (2010); SiFive's U54.
 * Told by: Liedtke, "Improved Address-Space Switching on Pentium Processors by Transparently Multiplexing User Address Spaces", GMD 1995.
 * @spec priv 12.1.11
 */
import { lacksTranslation, type Switch } from './switch.ts';

export const noAsid: Switch = {
  name: 'no-asid',
  says: 'TLB entries without a number of the address space',
  change: (model) => ({ ...model, asids: false }),
  senseless: lacksTranslation,
};
