/** Where to look at a guest: its markers, and what of its memory is the kernel's image. */
import { FunctionNames } from '../../system/panic/names.ts';
import { kallsyms } from '../../system/panic/kallsyms.ts';
import { isImage } from '../../vmm/loaders/image.ts';
import { unpack } from '../../vmm/loaders/load.ts';
import { CliError } from '../errors.ts';
import { kernelSymbols } from '../profile.ts';
import { pointsIn, type Markers } from './markers.ts';

const PAGE = 4096;

/** `codeEnd`: the first address behind its code, where it says so. */
export interface WatchedKernel { readonly markers: Markers; readonly codeEnd: number;
  readonly nameAt: (address: number) => string }

/** `program`: one that sets markers. @throws CliError for a marker that is no function of the kernel */
export function watchedKernel(path: string, bytes: Uint8Array, program: Uint8Array | undefined,
    functions: readonly string[]): WatchedKernel {
  const file = unpack(bytes), isFlat = file.ok && isImage(file.value);
  const symbols = new Map(isFlat ? kallsyms(file.value) ?? [] : kernelSymbols(path)), names = new FunctionNames();
  names.add(symbols);
  const points = [...(program ? pointsIn(program) : []), ...functions.map((name) => {
    const address = symbols.get(name);
    if (address === undefined) throw new CliError('E_OPTION', `--marker ${name}: kernel '${path}' names no such function`);
    return { name, address: BigInt(address) };
  })];
  const all = [...symbols.values()], from = pageOf(symbols.get('_start') ?? all.reduce((a, b) => Math.min(a, b), Infinity));
  const to = isFlat && file.ok ? from + file.value.length : all.reduce((a, b) => Math.max(a, b), -Infinity) + PAGE;
  const image = all.length === 0 ? { from: 0, to: 0 } : { from, to };
  return { markers: { points, image }, codeEnd: symbols.get('_etext') ?? image.from, nameAt: (address) =>
    names.at(address) ?? `0x${BigInt.asUintN(64, BigInt(pageOf(address))).toString(16)}` };
}
const pageOf = (address: number): number => Math.floor(address / PAGE) * PAGE;
