/** What the handlers of requests work with, and what they are. */
import type { MessageName, Reply, Request } from '../../roottask/client/ninep/index.ts';
import type { Fids } from './fids.ts';
import type { SharedFolder, Steps } from './shared.ts';

/** The largest message. */
export const MOST_BYTES = 512 * 1024;

export interface Session {
  readonly folder: SharedFolder;
  readonly fids: Fids;
  /** The message size agreed upon. */
  msize: number;
  /** Both sides know compounds. */
  compounds: boolean;
}

export type Handler<N extends MessageName> = (session: Session, request: Request<N>) => Steps<Reply<N>>;
export type Handlers = { readonly [N in MessageName]?: Handler<N> };
