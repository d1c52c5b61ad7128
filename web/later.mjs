// What the page loads later than the first system call, by the modules with which each part begins, and what a part is loaded after.
const parts = [
  { part: 'unix', begins: /^l4guest\/arch\/l4\/main\.ts$/ },
  { part: 'network', begins: /^network\/(tcp\/|stack\.ts)/, after: 'unix' },
  { part: 'inet', begins: /^l4guest\/net\/(inet|netlink)\//, after: 'network' },
  { part: 'ninep', begins: /^l4guest\/fs\/ninep\//, after: 'unix' },
  { part: 'ext4', begins: /^l4guest\/fs\/ext4/, after: 'unix' },
  { part: 'overlay', begins: /^l4guest\/fs\/overlay/, after: 'unix' },
  { part: 'ipc', begins: /^l4guest\/ipc\/mqueue\.ts$/, after: 'unix' },
  { part: 'bpf', begins: /^l4guest\/kernel\/bpf\.ts$/, after: 'unix' },
  { part: 'inotify', begins: /^l4guest\/fs\/inotify\.ts$/, after: 'unix' },
  { part: 'terminals', begins: /^l4guest\/drivers\/(pty|tty|ldisc)\.ts$/, after: 'unix' },
  { part: 'descriptors', begins: /^l4guest\/fs\/(epoll|eventfds|signalfd|pidfd)\.ts$/, after: 'unix' },
  { part: 'seccomp', begins: /^l4guest\/kernel\/seccomp\.ts$/, after: 'unix' },
  { part: 'tar-out', begins: /^l4guest\/fs\/tar-out\.ts$/, after: 'unix' },
  { part: 'keys', begins: /^l4guest\/kernel\/keys\.ts$/, after: 'unix' },
  { part: 'spaces', begins: /^l4guest\/fs\/(nsfs|proc\/spaces)\.ts$/, after: 'unix' },
  { part: 'gates', begins: /^l4guest\/kernel\/gates\.ts$/, after: 'unix' },
  { part: 'sockets', begins: /^l4guest\/net\/(options|interfaces|stream|datagram)\.ts$/, after: 'unix' },
  { part: 'status', begins: /^l4guest\/fs\/proc\/status\.ts$/, after: 'unix' },
  { part: 'shm', begins: /^l4guest\/ipc\/shm\.ts$/, after: 'unix' },
  { part: 'vmm', begins: /^vmm\/(program|options|tree)\.ts$/ },
  { part: 'devices', begins: /^roottask\/(drivers\/(?!uart)|client\/(block|net|files|ninep\/)|lib\/(virtio|net))/ },
  { part: 'sbi', begins: /^trace\/sbi\.ts$/ },
  { part: 'gateway', begins: /^machine\/net\/gateway\// },
  { part: 'firmware', begins: /^machine\/firmware\// },
  { part: 'trace-reader', begins: /^trace\/(reader|chunks)\.ts$/ },
  { part: 'gunzip', begins: /^system\/files\/gunzip\.ts$/ },
];

/** The part that a module begins; undefined: none. */
export const later = (path) => parts.find((p) => p.begins.test(path));
