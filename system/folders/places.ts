/**
 * Places of fids: a tree of names, with one object for each name and all of its fids, so that a rename moves all of them and everything
 * below. A removed place is `gone`; a file created later under its name is another place.
 */
import type { Path } from './folder.ts';

export class Place {
  private above: Place | undefined;
  private called: string;
  private readonly children = new Map<string, Place>();
  private uses = 0;
  private removed = false;

  constructor(above?: Place, name = '') {
    this.above = above;
    this.called = name;
  }

  get name(): string { return this.called; }
  /** The place that contains this one; the root contains itself. */
  get up(): Place { return this.above ?? this; }
  get gone(): boolean { return this.removed || (this.above?.gone ?? false); }

  /** The names from the root. */
  get path(): Path {
    const names = this.above ? [this.called] : [];
    for (let here = this.above; here?.above; here = here.above) names.push(here.called);
    return names.reverse();
  }

  /** The place of this name here. Hold it (`hold`) before the next step, or it is forgotten. */
  child(name: string): Place {
    return this.children.get(name) ?? new Place(this, name);
  }

  hold(): this {
    if (this.uses++ === 0 && this.above) {
      this.above.hold();
      if (!this.removed) this.above.children.set(this.called, this);
    }
    return this;
  }
  release(): void {
    if (--this.uses > 0 || !this.above) return;
    if (this.above.children.get(this.called) === this) this.above.children.delete(this.called);
    this.above.release();
  }

  /** Forgets a name: it was removed. */
  forget(name: string): void {
    const place = this.children.get(name);
    if (!place) return;
    place.removed = true;
    this.children.delete(name);
  }

  /** Moves the place `name` of this folder to `newName` in another. */
  move(name: string, to: Place, newName: string): void {
    const place = this.children.get(name);
    if (place && place === to.children.get(newName)) return;
    to.forget(newName);
    if (!place) return;
    this.children.delete(name);
    to.hold();
    place.above!.release();
    place.above = to;
    place.called = newName;
    to.children.set(newName, place);
  }

  /** Whether `other` is this place or below it. */
  contains(other: Place): boolean {
    for (let here: Place | undefined = other; here; here = here.above) if (here === this) return true;
    return false;
  }
}
