/** The first screen: scenarios to watch, systems to use, labs to learn from. */
import { useState } from 'preact/hooks';
import type { LabInfo } from '../lab-protocol.ts';
import type { Given, What } from '../protocol.ts';
import { scenarios } from './catalog.ts';
import { Icon } from './icons.tsx';

interface Props { images: ReadonlyMap<string, string>; start(what: What): void }
interface HomeProps extends Props { labs: readonly LabInfo[]; openTrace(name: string, bytes: Uint8Array): void }

export function Home({ images, labs, start, openTrace }: HomeProps) {
  return (
    <main id="main" tabIndex={-1} class="home">
      <section class="lead">
        <h1>A whole computer system, in the open.</h1>
        <p>
          A RISC-V machine, a microkernel, a Unix server and virtual machines run in this page. Every time something crosses a boundary
          between them, you can see it: as it happens, and afterwards, record by record.
        </p>
        <p class="actions">
          <a class="button primary large" href="#/run/getpid?tour=0"><Icon name="sequence" />Follow a system call</a>
          <a class="button large" href="#/run/shell"><Icon name="console" />Open a shell</a>
        </p>
      </section>
      <section aria-labelledby="watch">
        <h2 id="watch">Watch</h2>
        <ul class="cards">
          {scenarios.map((s) => {
            const missing = (s.images ?? []).filter((i) => !images.has(i));
            return missing.length
              ? <li key={s.name} class="card off">
                <strong>{s.title}</strong>
                <span>{s.says}</span>
                <em>Needs Debian’s images, which this page was made without.</em>
              </li>
              : <li key={s.name}>
                <a class="card" href={`#/run/${s.name}${s.view ? `?view=${s.view}` : ''}`}>
                  <strong>{s.title}</strong>
                  <span>{s.says}</span>
                </a>
              </li>;
          })}
        </ul>
      </section>
      <section aria-labelledby="use">
        <h2 id="use">Use</h2>
        <div class="own">
          <OwnShell images={images} start={start} />
          <OwnMachine images={images} start={start} />
          <OwnTrace open={openTrace} />
        </div>
      </section>
      {labs.length > 0 && <section aria-labelledby="learn">
        <h2 id="learn">Learn</h2>
        <p class="dim lead-in">
          Labs with an editor and a grader: what you write runs on the machine in this page, and is judged by what the machine saw.
        </p>
        <ul class="cards">
          {labs.map((l) =>
            <li key={l.name}>
              <a class="card" href={`#/lab/${l.name}`}>
                <strong>{l.number}. {l.title}</strong>
                <span>{l.language === 'riscv' ? 'RISC-V assembly' : 'TypeScript'}, {l.hours[0]} to {l.hours[1]} hours</span>
              </a>
            </li>)}
        </ul>
      </section>}
    </main>
  );
}

const read = async (files: Iterable<File>): Promise<Given[]> =>
  Promise.all([...files].map(async (f) => ({ name: f.name, bytes: new Uint8Array(await f.arrayBuffer()) })));
async function image(images: ReadonlyMap<string, string>, name: string): Promise<Uint8Array | undefined> {
  const path = images.get(name);
  return path === undefined ? undefined : new Uint8Array(await (await fetch(path)).arrayBuffer());
}

/** A shell, optionally with the user's files and root file system. */
function OwnShell({ images, start }: Props) {
  const [files, setFiles] = useState<readonly File[]>([]), [rootfs, setRootfs] = useState<File | undefined>(undefined),
    [prepared, setPrepared] = useState(false), [command, setCommand] = useState('sh'), [over, setOver] = useState(false);
  const go = async (e: Event): Promise<void> => {
    e.preventDefault();
    const [program = 'sh', ...args] = command.trim().split(/\s+/).filter(Boolean), own = rootfs && (await read([rootfs]))[0]!.bytes;
    start({
      kind: 'shell', program, args, rootfs: own ?? (prepared ? await image(images, 'rootfs') : undefined), files: await read(files)
    });
  };
  const drop = (e: DragEvent): void => { e.preventDefault(); setOver(false); setFiles([...files, ...(e.dataTransfer?.files ?? [])]); };
  return (
    <form class="panel" data-over={over} onSubmit={(e) => void go(e)} onDragOver={(e) => { e.preventDefault(); setOver(true); }}
      onDragLeave={() => setOver(false)} onDrop={drop}>
      <h3>A Linux program</h3>
      <p class="dim">
        Any riscv64 Linux program runs as a task of its own under the Unix server. Drop files here: they appear in /host, a folder that
        page and guest share while it runs. Nothing leaves this page.
      </p>
      <label>
        Command
        <input class="mono" value={command} onInput={(e) => setCommand(e.currentTarget.value)} spellcheck={false} autocomplete="off" />
      </label>
      <label>Files for the guest<input type="file" multiple onChange={(e) => setFiles([...(e.currentTarget.files ?? [])])} /></label>
      {files.length > 0 && <ul class="files">{files.map((f) => <li key={f.name}><Icon name="file" />{f.name}</li>)}</ul>}
      <label>
        Root file system (tar or tar.gz)
        <input type="file" accept=".tar,.gz,.tgz" onChange={(e) => setRootfs(e.currentTarget.files?.[0])} />
      </label>
      {images.has('rootfs')
        && <label class="option">
          <input type="checkbox" checked={prepared} onChange={(e) => setPrepared(e.currentTarget.checked)} />
          Use the prepared one: Debian’s busybox
        </label>}
      <button class="primary"><Icon name="play" />Run</button>
    </form>
  );
}

/** A virtual machine with the user's kernel. */
function OwnMachine({ images, start }: Props) {
  const [kernel, setKernel] = useState<File | undefined>(undefined), [initrd, setInitrd] = useState<File | undefined>(undefined),
    [append, setAppend] = useState('console=ttyS0'), debian = images.has('vmlinuz') && images.has('initramfs');
  const go = async (e: Event): Promise<void> => {
    e.preventDefault();
    const own = kernel && (await read([kernel]))[0]!.bytes, disk = initrd && (await read([initrd]))[0]!.bytes;
    if (own) start({ kind: 'vm', kernel: own, initrd: disk, append });
    else if (debian) start({ kind: 'vm', kernel: (await image(images, 'vmlinuz'))!, initrd: await image(images, 'initramfs'), append });
    else start({ kind: 'vm', kernel: 'minios', append: 'ticks=300' });
  };
  return (
    <form class="panel" onSubmit={(e) => void go(e)}>
      <h3>A virtual machine</h3>
      <p class="dim">
        Linux or any kernel that speaks SBI boots under a monitor of its own. Without a file: {debian
          ? 'the kernel that Debian ships'
          : 'minios, a small operating system of ours'}
        .
      </p>
      <label>Kernel (Image, ELF, raw)<input type="file" onChange={(e) => setKernel(e.currentTarget.files?.[0])} /></label>
      <label>Initial RAM disk<input type="file" onChange={(e) => setInitrd(e.currentTarget.files?.[0])} /></label>
      <label>
        Kernel command line
        <input class="mono" value={append} onInput={(e) => setAppend(e.currentTarget.value)} spellcheck={false} autocomplete="off" />
      </label>
      <button class="primary"><Icon name="play" />Boot</button>
    </form>
  );
}

/** A trace recorded by the command. */
function OwnTrace({ open }: { open(name: string, bytes: Uint8Array): void }) {
  const choose = async (files: FileList | null): Promise<void> => {
    const [file] = await read(files ?? []);
    if (file) open(file.name, file.bytes);
  };
  return (
    <form class="panel" onSubmit={(e) => e.preventDefault()} onDragOver={(e) => e.preventDefault()}
      onDrop={(e) => { e.preventDefault(); void choose(e.dataTransfer?.files ?? null); }}>
      <h3>A recorded trace</h3>
      <p class="dim">What <span class="mono">tessera … --trace FILE</span> has recorded, in the same views. Drop it here, or choose it.</p>
      <label>Trace file<input type="file" onChange={(e) => void choose(e.currentTarget.files)} /></label>
    </form>
  );
}
