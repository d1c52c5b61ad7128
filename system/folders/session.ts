/** What the handlers of requests have in common: the session, and their types. */
import type { MessageName, Reply, Request } from '../../roottask/client/ninep/index.ts';
import type { Fids } from './fids.ts';
import type { SharedFolder, Steps } from './shared.ts';

/** The largest message. */
export const MOST_BYTES = 512 * 1024;

export interface Session {
  readonly folder: SharedFolder;
  readonly fids: Fids;
  /** The agreed message size. */
  msize: number;
  /** Whether both sides support compounds. */
  compounds: boolean;
}

export type Handler<N extends MessageName> = (session: Session, request: Request<N>) => Steps<Reply<N>>;
export type Handlers = { readonly [N in MessageName]?: Handler<N> };
