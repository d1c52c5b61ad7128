/**
 * Several speakers on one terminal: whole lines with the speaker's label before them. The output of the speaker in focus (which gets the
 * input) appears at once, even in the middle of a line; another speaker's line then goes above, and the unfinished line is shown again.
 */
const NEWLINE = 10, RETURN = 13, MAX_PARTIAL = 1024;
const encoder = new TextEncoder();

export interface Speaker { readonly label: string; partial: number[] }

export class LabelledLines {
  focus: Speaker | undefined;
  /** Bytes of the focused speaker's unfinished line that are on the screen already. */
  private shown = 0;
  private out: number[] = [];

  /** The output for `bytes` of `speaker`. A speaker with an empty label has labelled its lines itself. */
  write(speaker: Speaker, bytes: Uint8Array): Uint8Array {
    for (const byte of bytes) {
      if (byte === NEWLINE) this.endLine(speaker);
      else if (byte !== RETURN) speaker.partial.push(byte);
      if (speaker.partial.length >= MAX_PARTIAL && speaker !== this.focus) this.endLine(speaker);
    }
    if (speaker === this.focus) this.showPartial();
    else if (this.out.length) this.showPartial();
    return this.take();
  }
  /** The speaker ends: its unfinished line is shown. */
  close(speaker: Speaker): Uint8Array {
    if (speaker.partial.length) this.endLine(speaker);
    if (speaker === this.focus) this.focus = undefined;
    return this.take();
  }
  setFocus(speaker: Speaker | undefined): Uint8Array {
    if (this.shown) this.out.push(NEWLINE);
    this.shown = 0;
    this.focus = speaker;
    this.showPartial();
    return this.take();
  }

  private endLine(speaker: Speaker): void {
    if (speaker === this.focus) this.showPartial(true);
    else {
      if (this.shown) this.out.push(NEWLINE);
      this.shown = 0;
      this.pushLabel(speaker);
      for (const byte of speaker.partial) this.out.push(byte);
    }
    this.out.push(NEWLINE);
    speaker.partial.length = 0;
    if (speaker === this.focus) this.shown = 0;
  }
  private showPartial(evenEmpty = false): void {
    const speaker = this.focus;
    if (!speaker || (speaker.partial.length === 0 && !evenEmpty)) return;
    if (this.shown === 0) this.pushLabel(speaker);
    const from = Math.max(0, this.shown - 1);
    for (let i = from; i < speaker.partial.length; i++) this.out.push(speaker.partial[i]!);
    this.shown = speaker.partial.length + 1;
  }
  private pushLabel(speaker: Speaker): void { if (speaker.label) for (const b of encoder.encode(`[${speaker.label}] `)) this.out.push(b); }
  private take(): Uint8Array {
    const bytes = Uint8Array.from(this.out);
    this.out = [];
    return bytes;
  }
}
