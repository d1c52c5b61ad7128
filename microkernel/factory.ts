/**
 * Factory: the right to create objects out of a quota of kernel memory. Quotas form a tree: what a factory gives a new one is taken
 * from its own. A factory that ends takes everything with it that was made out of it, and its quota goes back.
 */
import { BYTES } from './costs.ts';
import type { Kernel } from './kernel.ts';
import { KernelObject, ObjectKind } from './object.ts';

export class Factory extends KernelObject {
  readonly kind = ObjectKind.factory;
  readonly limit: number;
  used = 0;
  firstObject: KernelObject | undefined = undefined;

  /** `parent` undefined: the first factory, with all kernel memory. */
  constructor(id: number, parent: Factory | undefined, limit: number) {
    super(id, parent, BYTES.factory + (parent ? limit : 0));
    this.limit = limit;
  }

  /** Takes bytes out of the quota; false (and nothing taken) when there are not so many. */
  charge(bytes: number): boolean {
    if (this.used + bytes > this.limit) return false;
    this.used += bytes;
    return true;
  }
  refund(bytes: number): void { this.used -= bytes; }
  get free(): number { return this.limit - this.used; }

  /** Puts a new object, charged already, on the list. */
  adopt(object: KernelObject): void {
    object.nextOfFactory = this.firstObject;
    if (this.firstObject) this.firstObject.prevOfFactory = object;
    this.firstObject = object;
  }
  /** An object is gone: off the list, its bytes come back. */
  release(object: KernelObject): void {
    if (object.prevOfFactory) object.prevOfFactory.nextOfFactory = object.nextOfFactory;
    else this.firstObject = object.nextOfFactory;
    if (object.nextOfFactory) object.nextOfFactory.prevOfFactory = object.prevOfFactory;
    object.nextOfFactory = object.prevOfFactory = undefined;
    this.refund(object.bytes);
  }

  /** Factories made out of this one go first, the deepest before the others (nesting may be deep, so this is a loop). */
  override teardown(k: Kernel): void {
    const all: Factory[] = [this];
    for (let i = 0; i < all.length; i++) for (const o of all[i].objects()) if (o instanceof Factory) all.push(o);
    for (let i = all.length - 1; i > 0; i--) k.destroy(all[i]);
    while (this.firstObject) k.destroy(this.firstObject);
  }

  *objects(): Generator<KernelObject> { for (let o = this.firstObject; o; o = o.nextOfFactory) yield o; }
}
