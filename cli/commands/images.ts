/** `tessera images`: lists guest images, fetches Debian's, packs an initramfs. */
import { Command } from 'commander';
import { Exit, fileError, outputError } from '../errors.ts';

type Done = (status: number) => void;

export function imagesCommand(done: Done): Command {
  const images = new Command('images').description('list the guest images that are here, and fetch those of Debian').addHelpText('after', `
Examples:
  tessera images                 list the images
  tessera images fetch           Debian's kernel and busybox for riscv64, with apt (nothing is installed)
  tessera images initramfs DIR -o initramfs.cpio
`);
  images.command('list', { isDefault: true }).description('list the guest images that are here').option('--json', 'print the list as JSON')
    .action(async (options: { json?: boolean }) => {
    const { listImages } = await import('../images/list.ts');
    done(await listImages(options.json));
  });
  images.command('fetch')
    .description('fetch Debian\'s kernel and busybox, make a root file system and an initramfs; resumes an interrupted fetch')
    .option('--update', 'look for newer packages even if everything is present')
    .option('--gcc', "fetch Debian's gcc for riscv64 instead, for labs in C (55 MB)")
    .option('--dir <folder>', 'folder for the images (default: the images folder of the project)')
    .addHelpText('after', '\nExample:\n  tessera images fetch\n')
    .action(async (options: { update?: boolean; dir?: string; gcc?: boolean }) => {
      const { fetchImages } = await import('../images/fetch.ts');
      const { imagesFolder } = await import('../images/where.ts');
      const { resolve } = await import('node:path');
      const folder = resolve(options.dir ?? imagesFolder()), say = (line: string): void => { process.stderr.write(`${line}\n`); };
      if (options.gcc) await (await import('../images/gcc.ts')).fetchGcc(folder, say);
      else await fetchImages(folder, say, options.update);
      done(Exit.ok);
    });
  images.command('initramfs').description('pack a folder into an initramfs (newc cpio)')
    .argument('<folder>', 'becomes the root folder; its /init is the first program')
    .requiredOption('-o, --output <file>', 'file to write; - is standard output')
    .addHelpText('after', '\nExample:\n  tessera images initramfs my-root -o my-root.cpio\n')
    .action(async (folder: string, options: { output: string }) => done(await initramfs(folder, options.output)));
  return images;
}

async function initramfs(folder: string, output: string): Promise<number> {
  const { packInitramfs } = await import('../cpio.ts');
  const { writeFileSync } = await import('node:fs');
  let bytes: Buffer;
  try {
    bytes = packInitramfs(folder);
  } catch (error) {
    throw fileError('folder', folder, error);
  }
  if (output === '-') process.stdout.write(bytes);
  else {
    try {
      writeFileSync(output, bytes);
    } catch (error) {
      throw outputError('output', output, error);
    }
  }
  return Exit.ok;
}
