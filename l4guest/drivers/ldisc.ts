/**
 * The line discipline: turns typed keys into lines that can be read (editing, echo, signals), and translates output (newlines). It knows
 * no processes; signals go through `signal`.
 */
import { Sig } from '../abi/linux.ts';
import { I, L, Out, V, defaultTermios, type Termios } from './termios.ts';

const LIMIT = 4095, BELL = 7, TAB = 9, NL = 10, CR = 13, SLASH = 0x2f, BACKSLASH = 0x5c;
/** Letters (also those of Latin-1), digits and the underscore. */
const isWordByte = (byte: number): boolean => byte === 0x5f || (byte >= 0x30 && byte <= 0x39)
  || ((byte | 32) >= 0x61 && (byte | 32) <= 0x7a) || (byte >= 0xc0 && byte !== 0xd7 && byte !== 0xf7);

/** A finished line (or raw bytes), with a mark where end-of-file was typed. */
interface Chunk { bytes: number[]; eof: boolean }

export class LineDiscipline {
  readonly termios: Termios = defaultTermios();
  private edit: number[] = [];
  private readonly chunks: Chunk[] = [];
  private literal = false;
  /** ECHOPRT: erased characters are being printed between \\ and /. */
  private erasing = false;
  private column = 0;
  /** Output is stopped by ^S. */
  stopped = false;
  private readonly emit: (bytes: Uint8Array) => void;
  private readonly signal: (sig: number) => void;

  /** Drops written bytes that are still unsent. */
  private readonly dropOutput: () => void;

  constructor(emit: (bytes: Uint8Array) => void, signal: (sig: number) => void, dropOutput: () => void = () => undefined) {
    this.emit = emit;
    this.signal = signal;
    this.dropOutput = dropOutput;
  }

  private l(flag: number): boolean { return (this.termios.l & flag) !== 0; }
  get canonical(): boolean { return this.l(L.ICANON); }
  /** Bytes available to a read. */
  /** Stored bytes, in finished lines or not. */
  get held(): number { return this.available + this.edit.length; }
  get available(): number { let n = 0; for (const c of this.chunks) n += c.bytes.length; return n; }
  get readable(): boolean {
    return this.canonical ? this.chunks.length > 0 : this.available >= Math.max(1, this.termios.cc[V.TIME] ? 1 : this.termios.cc[V.MIN]!);
  }

  // ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  input(bytes: Uint8Array): void { for (const b of bytes) this.key(b); }

  private key(raw: number): void {
    const termios = this.termios, cc = termios.cc;
    let byte = termios.i & I.ISTRIP ? raw & 0x7f : raw;
    if (termios.i & I.IUCLC && this.l(L.IEXTEN) && byte >= 65 && byte <= 90) byte += 32;
    if (this.literal) { this.literal = false; this.plain(byte); return; }
    if (byte === CR) {
      if (termios.i & I.IGNCR) return;
      if (termios.i & I.ICRNL) byte = NL;
    } else if (byte === NL && termios.i & I.INLCR) byte = CR;
    if (termios.i & I.IXON && byte !== 0) {
      if (byte === cc[V.STOP]) { this.stopped = true; return; }
      if (byte === cc[V.START]) { this.stopped = false; return; }
      if (this.stopped && termios.i & I.IXANY) this.stopped = false;
    }
    if (this.l(L.ISIG) && this.signalKey(byte)) return;
    if (this.canonical && this.editKey(byte)) return;
    this.plain(byte);
  }
  private signalKey(byte: number): boolean {
    const cc = this.termios.cc,
      sig = byte === 0 ? 0 : byte === cc[V.INTR] ? Sig.INT : byte === cc[V.QUIT] ? Sig.QUIT : byte === cc[V.SUSP] ? Sig.TSTP : 0;
    if (sig === 0) return false;
    if (!this.l(L.NOFLSH)) { this.flush(); this.dropOutput(); }
    this.echo(byte);
    this.signal(sig);
    return true;
  }
  private editKey(byte: number): boolean {
    const cc = this.termios.cc;
    if (byte === 0) return false;
    switch (byte) {
      case cc[V.ERASE]: this.erase('character'); return true;
      case cc[V.KILL]: this.kill(byte); return true;
      case cc[V.EOF]: this.complete(true); return true;
      case cc[V.WERASE]: if (this.l(L.IEXTEN)) { this.erase('word'); return true; } return false;
      case cc[V.LNEXT]:
        if (this.l(L.IEXTEN)) { this.literal = true; if (this.l(L.ECHO) && this.l(L.ECHOCTL)) this.out([0x5e, 8]); return true; }
        return false;
      case cc[V.REPRINT]:
        if (this.l(L.IEXTEN)) { this.echo(byte); this.out([NL]); for (const x of this.edit) this.echo(x); return true; }
        return false;
      default: return false;
    }
  }
  private plain(byte: number): void {
    if (!this.canonical) {
      const last = this.chunks[this.chunks.length - 1];
      if (last && !last.eof) last.bytes.push(byte); else this.chunks.push({ bytes: [byte], eof: false });
      this.finishErasing();
      this.echo(byte);
      return;
    }
    const cc = this.termios.cc, ends = byte === NL || (byte !== 0 && (byte === cc[V.EOL] || byte === cc[V.EOL2]));
    if (this.edit.length >= LIMIT && !ends) { if (this.termios.i & I.IMAXBEL) this.out([BELL]); return; }
    this.edit.push(byte);
    this.finishErasing();
    if (byte === NL && !this.l(L.ECHO) && this.l(L.ECHONL)) this.out([NL]); else this.echo(byte);
    if (ends) this.complete(false);
  }
  private complete(eof: boolean): void {
    this.chunks.push({ bytes: this.edit, eof });
    this.edit = [];
  }
  private echo(byte: number): void {
    if (!this.l(L.ECHO)) return;
    if (this.l(L.ECHOCTL) && ((byte < 32 && byte !== NL && byte !== 9) || byte === 127)) this.out([0x5e, byte ^ 64]);
    else this.out([byte]);
  }
  private kill(byte: number): void {
    if (this.l(L.ECHOK) && this.l(L.ECHOKE) && this.l(L.ECHOE)) { this.erase('line'); return; }
    const typed = this.edit.length > 0;
    this.edit = [];
    if (!typed || !this.l(L.ECHO)) return;
    this.finishErasing();
    this.echo(byte);
    if (this.l(L.ECHOK)) this.out([NL]);
  }
  /** Takes back the last character (a UTF-8 sequence is one), the last word (letters, digits and _, and what follows it), or the line. */
  private erase(what: 'character' | 'word' | 'line'): void {
    for (let inWord = false; this.edit.length > 0;) {
      let from = this.edit.length - 1;
      if (this.termios.i & I.IUTF8) while ((this.edit[from]! & 0xc0) === 0x80 && from > 0) from--;
      const first = this.edit[from]!, belongs = isWordByte(first);
      if (what === 'word' && inWord && !belongs) break;
      inWord ||= belongs;
      this.echoErased(this.edit.splice(from), what === 'character');
      if (what === 'character') break;
    }
    if (this.edit.length === 0) this.finishErasing();
  }
  private echoErased(bytes: readonly number[], single: boolean): void {
    const first = bytes[0]!, control = first < 32 || first === 127;
    if (!this.l(L.ECHO)) return;
    if (this.l(L.ECHOPRT)) {
      if (!this.erasing) this.out([BACKSLASH]);
      this.erasing = true;
      if (bytes.length > 1) this.out([...bytes]); else this.echo(first);
      return;
    }
    if (single && !this.l(L.ECHOE)) { this.echo(this.termios.cc[V.ERASE]!); return; }
    const width = !control || first === TAB ? 1 : this.l(L.ECHOCTL) ? 2 : 0;
    for (let i = 0; i < width; i++) this.out([8, 32, 8]);
  }
  private finishErasing(): void {
    if (this.erasing) { this.erasing = false; if (this.l(L.ECHO)) this.out([SLASH]); }
  }
  /** Drops typed bytes that were not read. */
  flush(): void { this.edit = []; this.chunks.length = 0; }
  /** The mode has changed: in raw mode the edited line becomes readable. */
  modeChanged(wasCanonical: boolean): void {
    if (wasCanonical && !this.canonical && this.edit.length > 0) this.complete(false);
    if (!wasCanonical && this.canonical) for (const chunk of this.chunks) chunk.eof = false;
  }

  /** Takes up to `max` bytes: a line at most in canonical mode. Undefined: nothing to read yet. */
  take(max: number): Uint8Array | undefined {
    const first = this.chunks[0];
    if (!first) return undefined;
    if (!this.canonical) return this.takeRaw(max);
    const bytes = first.bytes.splice(0, max);
    if (first.bytes.length === 0) this.chunks.shift();
    return Uint8Array.from(bytes);
  }
  private takeRaw(max: number): Uint8Array {
    const out: number[] = [];
    while (this.chunks.length && out.length < max) {
      const chunk = this.chunks[0]!;
      out.push(...chunk.bytes.splice(0, max - out.length));
      if (chunk.bytes.length === 0) this.chunks.shift();
    }
    return Uint8Array.from(out);
  }

  // ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private out(bytes: number[]): void { this.emit(this.process(Uint8Array.from(bytes))); }
  /** Output processing: newline translation, tabs. */
  process(bytes: Uint8Array): Uint8Array {
    const flags = this.termios.o;
    if (!(flags & Out.OPOST)) return bytes;
    if (flags & Out.ONLCR && !(flags & (Out.OCRNL | Out.OLCUC | Out.TABS | Out.ONOCR))) return this.expandNewlines(bytes);
    const out: number[] = [];
    for (const byte of bytes) this.outOne(byte, out);
    return Uint8Array.from(out);
  }
  private outOne(byte: number, out: number[]): void {
    const flags = this.termios.o;
    if (byte === NL) {
      if (flags & Out.ONLCR) { out.push(CR); this.column = 0; }
      out.push(NL);
      if (flags & Out.ONLRET) this.column = 0;
      return;
    }
    if (byte === CR) {
      if (flags & Out.ONOCR && this.column === 0) return;
      if (flags & Out.OCRNL) { out.push(NL); if (flags & Out.ONLRET) this.column = 0; return; }
      this.column = 0;
      out.push(CR);
      return;
    }
    if (byte === TAB && (flags & Out.TABS) === Out.XTABS) { do { out.push(32); this.column++; } while (this.column % 8); return; }
    if (byte >= 32) this.column++; else this.moveColumn(byte);
    out.push(flags & Out.OLCUC && byte >= 97 && byte <= 122 ? byte - 32 : byte);
  }
  private expandNewlines(bytes: Uint8Array): Uint8Array {
    let n = 0;
    for (const byte of bytes) if (byte === NL) { n++; this.column = 0; } else if (byte >= 32) this.column++; else this.moveColumn(byte);
    if (n === 0) return bytes;
    const out = new Uint8Array(bytes.length + n);
    let at = 0;
    for (const byte of bytes) { if (byte === NL) out[at++] = CR; out[at++] = byte; }
    return out;
  }
  /** The column after a control character other than a newline. */
  private moveColumn(byte: number): void {
    if (byte === CR) this.column = 0;
    else if (byte === 8) { if (this.column > 0) this.column--; }
    else if (byte === TAB) this.column += 8 - (this.column & 7);
  }
}
