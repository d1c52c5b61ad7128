/**
 * Capabilities: the superuser's rights in parts. A process has a permitted, an effective and an inheritable set, an ambient set that
 * survives exec, and a bounding set that limits what exec gives. User ids change the sets unless the secure bits say otherwise.
 */
import { Cap, Secure } from '../abi/linux.ts';

export const ALL_CAPS = (1n << 41n) - 1n;
const set = (...caps: Cap[]): bigint => caps.reduce((s, c) => s | (1n << BigInt(c)), 0n);
/** Capabilities tied to the file system's user id. */
const OF_FILES = set(Cap.CHOWN, Cap.DAC_OVERRIDE, Cap.DAC_READ_SEARCH, Cap.FOWNER, Cap.FSETID, Cap.MKNOD);

const LOCKS = 0xaa;

export interface CapSets { permitted: bigint; effective: bigint; inheritable: bigint; ambient: bigint; bounding: bigint; secure: number }
interface Users { readonly uid: number; readonly euid: number; readonly suid: number; readonly fsuid: number }

export const allCaps = (): CapSets => ({
  permitted: ALL_CAPS, effective: ALL_CAPS, inheritable: 0n, ambient: 0n, bounding: ALL_CAPS, secure: 0
});
export const has = (s: CapSets, cap: Cap): boolean => (s.effective & (1n << BigInt(cap))) !== 0n;

/** Adjusts the sets after user ids have changed from `old`. */
/** `top`: the superuser's id in the user space in which the sets count; −1 if it has none. */
export function fixIds(capSets: CapSets, old: Users, now: Users, top: number): void {
  if (capSets.secure & Secure.NO_SETUID_FIXUP) return;
  const root = (u: Users): boolean => u.uid === top || u.euid === top || u.suid === top;
  if (root(old) && !root(now)) {
    if (!(capSets.secure & Secure.KEEP_CAPS)) { capSets.permitted = 0n; capSets.effective = 0n; }
    capSets.ambient = 0n;
  }
  if (old.euid === top && now.euid !== top) capSets.effective = 0n;
  if (old.euid !== top && now.euid === top) capSets.effective = capSets.permitted;
}
/** Adjusts the effective set after setfsuid. */
export function fixFsId(capSets: CapSets, old: number, now: number, top: number): void {
  if (capSets.secure & Secure.NO_SETUID_FIXUP) return;
  if (old === top && now !== top) capSets.effective &= ~OF_FILES;
  if (old !== top && now === top) capSets.effective |= capSets.permitted & OF_FILES;
}
/**
 * Sets of a program that starts with these user ids, the superuser's being `top`; `raised`: it runs with another id than it was started by.
 */
export function afterExec(capSets: CapSets, uid: number, euid: number, top: number, raised: boolean): void {
  if (raised) capSets.ambient = 0n;
  const root = !(capSets.secure & Secure.NOROOT);
  const fromFile = root && (uid === top || euid === top) ? capSets.inheritable | capSets.bounding : 0n;
  capSets.permitted = fromFile | capSets.ambient;
  capSets.effective = root && euid === top ? capSets.permitted : capSets.ambient;
  capSets.secure &= ~Secure.KEEP_CAPS;
}
/** capset(2): sets the three sets if the rules permit; returns whether they do. */
export function setCaps(capSets: CapSets, effective: bigint, permitted: bigint, inheritable: bigint): boolean {
  const effectiveSet = effective & ALL_CAPS, permittedSet = permitted & ALL_CAPS, inheritableSet = inheritable & ALL_CAPS;
  if (!has(capSets, Cap.SETPCAP) && (inheritableSet & ~(capSets.inheritable | capSets.permitted)) !== 0n) return false;
  if ((inheritableSet & ~(capSets.inheritable | capSets.bounding)) !== 0n || (permittedSet & ~capSets.permitted) !== 0n
      || (effectiveSet & ~permittedSet) !== 0n) return false;
  capSets.effective = effectiveSet; capSets.permitted = permittedSet; capSets.inheritable = inheritableSet;
  capSets.ambient &= permittedSet & inheritableSet;
  return true;
}
/** prctl(PR_SET_SECUREBITS): locked bits stay, and a lock cannot be removed. */
export function setSecure(capSets: CapSets, bits: number): boolean {
  const locked = (capSets.secure & LOCKS) >> 1;
  if (!has(capSets, Cap.SETPCAP) || bits & ~0xff || (capSets.secure & LOCKS & ~bits) !== 0 || ((capSets.secure ^ bits) & locked) !== 0)
    return false;
  capSets.secure = bits;
  return true;
}
