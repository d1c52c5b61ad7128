/** Two Debian machines and two Unix servers at once; one of each fails, and the others are not affected. Needs `npm run images`. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packTar } from '../cli/pack.ts';
import { imagesFolder } from '../cli/images/where.ts';
import { bootScenario } from './audited.ts';
import { audit } from '../microkernel/index.ts';
import sideBySide from '../scenarios/side-by-side.ts';

const images = imagesFolder(), have = ['vmlinuz', 'initramfs.cpio', 'rootfs'].every(f => existsSync(join(images, f)));

describe.skipIf(!have)(`side-by-side${have ? '' : ' (skipped: no images)'}`, () => {
  it('a panic in one machine and a killed Unix server leave the others running and correct', { timeout: 300_000 }, async () => {
    const file = (name: string): Uint8Array => new Uint8Array(readFileSync(join(images, name)));
    const modules = [
      { name: 'vmlinuz', bytes: file('vmlinuz') }, { name: 'initramfs', bytes: file('initramfs.cpio') },
      { name: 'rootfs', bytes: new Uint8Array(packTar([{ host: join(images, 'rootfs'), guest: '' }])) }
    ];
    const decoder = new TextDecoder(), kernelLog: string[] = [];
    let text = '';
    const system = bootScenario(sideBySide, {
      output: (_c, b) => { text += decoder.decode(b, { stream: true }); }, modules, kernelLog: l => kernelLog.push(l)
    });
    const result = await system.run();
    expect(kernelLog).toEqual([]);
    expect(result).toMatchObject({ status: 0, why: '', missing: [] });
    expect(text.match(/^\[unix-a\] step \d+$/gm)?.length).toBe(10);
    expect(audit(system.kernel)).toEqual([]);
  });
});
