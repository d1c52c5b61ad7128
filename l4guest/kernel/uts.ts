/** The data of uname(2): a separate space after unshare(CLONE_NEWUTS). */
import { Clone } from '../abi/linux.ts';
import { FirstIno, firstUsers, type Space, type UserSpace } from './spaces.ts';

export class UtsSpace implements Space {
  readonly kind = Clone.NEWUTS;
  readonly ino: number;
  readonly owner: UserSpace;
  host: string;
  domain: string;
  constructor(host: string, domain: string, ino: number = FirstIno.UTS, owner: UserSpace = firstUsers) {
    this.host = host; this.domain = domain; this.ino = ino; this.owner = owner;
  }
}
