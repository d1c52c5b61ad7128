/** Common code of folders that are trees of nodes: finding a node, and questions about one. */
import { FolderError, Mode, type HostListing, type Path } from './folder.ts';

/** A file, a symbolic link or, with names, a folder. */
export interface TreeNode<N> {
  readonly mode: number;
  /** The target of a symbolic link. */
  readonly link: string;
  readonly names: Map<string, N> | undefined;
}

/** Throws FolderError: ENOENT, ENOTDIR. */
export function nodeAt<N extends TreeNode<N>>(root: N, path: Path): N {
  let at: N | undefined = root;
  for (const name of path) {
    if (!at.names) throw new FolderError('ENOTDIR');
    at = at.names.get(name);
    if (!at) throw new FolderError('ENOENT');
  }
  return at;
}

/** Returns the node if it is a file that can be opened. Throws FolderError: EISDIR, ELOOP, ENXIO. */
export function regular<N extends TreeNode<N>>(node: N): N {
  const type = node.mode & Mode.type;
  if (type !== Mode.file) throw new FolderError(type === Mode.dir ? 'EISDIR' : type === Mode.link ? 'ELOOP' : 'ENXIO');
  return node;
}

/** Throws FolderError: EINVAL. */
export function linkOf<N extends TreeNode<N>>(node: N): string {
  if ((node.mode & Mode.type) !== Mode.link) throw new FolderError('EINVAL');
  return node.link;
}

/** Throws FolderError: ENOTDIR. */
export function listing<N extends TreeNode<N>>({ names }: N): HostListing {
  if (!names) throw new FolderError('ENOTDIR');
  const all = [...names.keys()].values();
  return { next: () => all.next().value, close: () => undefined };
}
