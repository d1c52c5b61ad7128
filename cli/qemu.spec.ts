import { expect, it } from 'vitest';
import { refuseQemu } from './qemu.ts';

const own = new Map([['--kernel', true], ['--append', true], ['--smp', true], ['--initrd', true], ['--net', true], ['--stats', false]]);
const said = (...words: string[]): string => {
  try {
    refuseQemu('vm', words, own);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

it.each([
  [
    ['-kernel', 'Image', '-m', '1G', '-nographic', '-smp', '4', '-append', 'console=ttyS0 ro'],
    "-kernel is an option of QEMU; write: tessera vm --kernel Image --memory 1G --smp 4 --append 'console=ttyS0 ro'"
  ],
  [
    ['-machine', 'virt', '-cpu', 'rv64', '-m', '512', '--kernel', 'x'],
    '-machine is an option of QEMU; write: tessera vm --memory 512M --kernel x'
  ],
  [
    ['-drive', 'file=a.img,format=raw,readonly=on,id=hd0', '--kernel', 'x'],
    '-drive is an option of QEMU; write: tessera vm --disk a.img,ro --kernel x'
  ],
  [
    ['-drive', 'if=none,file=a.img,snapshot=on', '-device', 'virtio-blk-device,drive=hd0'],
    '-drive is an option of QEMU; write: tessera vm --disk a.img,snapshot'
  ],
  [
    ['-netdev', 'user,id=n0,hostfwd=tcp::2222-:22', '-smp', 'cpus=2,cores=2'],
    '-netdev is an option of QEMU; write: tessera vm --net user,hostfwd=tcp::2222-:22 --smp 2'
  ],
  [
    ['-virtfs', 'local,path=/tmp/a,mount_tag=h,security_model=none', '-s', '-S'],
    '-virtfs is an option of QEMU; write: tessera vm --mount /tmp/a:h --gdb 1234'
  ],
  [['--nographic', '--kernel', 'x'], '--nographic is an option of QEMU; write: tessera vm --kernel x'],
  [['-m'], "-m is an option of QEMU; write: tessera vm --memory ''"],
])('answers %j', (words, answer) => { expect(said(...words)).toBe(answer); });

it('leaves our own words alone, also where a value looks like an option', () => {
  expect(said('--kernel', '-m', '--append', '-s -S', '--smp', '2', '--stats', 'x')).toBe('');
});
