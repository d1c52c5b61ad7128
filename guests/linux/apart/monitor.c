/*
 * monitor [N]: instructions that a compiled monitor needs for the parts of an exit, one line each: name, instructions (1 ns each, loop taken off).
 * vmm/costs.ts cites them. Each part is written as a monitor has it: state in memory, a table of causes, checks of what a guest may have made up.
 */
#include "std.h"
#define APART __attribute__((noinline, noclone))
struct vcpu { u64 x[32], pc, hvip, status, cause, value, gpa, inst, vsatp; u32 groups, software, external; };
static struct vcpu cpu;
static volatile u32 pending, crowded, ended;

/* ── dispatch: cause to handler, work that waits, interrupts to inject, the answer's groups ── */
typedef u32 handler(struct vcpu *);
static u32 nothing(struct vcpu *v) { (void)v; return 0; }
static struct { handler *handle; u32 needs, may_look_ahead; } causes[32];
static u32 phase;
static void slowly(void) { complain("monitor: unexpected\n"); quit(1); }
APART static void dispatch(struct vcpu *v) {
  if (v->cause >= 32 || !causes[v->cause].handle) slowly();
  phase = 1;
  u32 groups = causes[v->cause].handle(v);
  if (pending || crowded || ended) slowly();
  u64 levels = v->external ? 1u << 10 : 0, next = (v->hvip & ~(1ull << 10)) | levels | (v->software ? 4 : 0);
  v->software = 0;
  if (next != v->hvip) { v->hvip = next; groups |= 1; }
  v->groups = groups;
  phase = 2;
}

/* ── decode: what a load or store does, of four or two bytes; is it of this size and place? ── */
struct access { u8 store, size, is_signed, reg, length; };
APART static int decode(u32 w, struct access *a) {
  u32 op = w & 0x7f, f = (w >> 12) & 7;
  if ((w & 3) == 3) {
    if (op != 0x03 && op != 0x23) return 0;
    a->store = op == 0x23;
    if (f == 7 || (a->store && f > 3)) return 0;
    a->size = 1 << (f & 3); a->is_signed = !(f & 4);
    a->reg = a->store ? (w >> 20) & 31 : (w >> 7) & 31; a->length = 4;
    return 1;
  }
  u32 c = (w >> 13) & 7;
  if ((w & 3) != 0 || (c != 2 && c != 3 && c != 6 && c != 7)) return 0;
  a->store = c >= 6; a->size = c & 1 ? 8 : 4; a->is_signed = 1; a->reg = 8 + ((w >> 2) & 7); a->length = 2;
  return 1;
}

/* ── device: the window of an address, the register of a serial port, the value into the guest's register, pc behind it ── */
struct window { u64 base, end; u32 (*read)(void *, u32 offset, u32 size); void (*write)(void *, u32, u32, u32); void *device; };
static struct serial { u32 ier, lcr, mcr, dll, dlm, scr, head, tail, sent; } serial;
APART static u32 serial_read(void *device, u32 offset, u32 size) {
  struct serial *s = device;
  if (size != 1) return 0;
  switch (offset) {
    case 0: return s->lcr & 0x80 ? s->dll : s->head != s->tail ? s->scr : 0;
    case 1: return s->lcr & 0x80 ? s->dlm : s->ier;
    case 2: return s->ier & 2 ? 0xc2 : 0xc1;
    case 3: return s->lcr;
    case 4: return s->mcr;
    case 5: return 0x60 | (s->head != s->tail);
    case 6: return 0xb0;
    default: return s->scr;
  }
}
static void serial_write(void *device, u32 offset, u32 value, u32 size) { (void)offset, (void)size; ((struct serial *)device)->sent = value; }
static struct window windows[12];
APART static struct window *find(u64 gpa) {
  u32 low = 0, high = 12;
  while (low < high) { u32 mid = (low + high) / 2; if (windows[mid].end <= gpa) low = mid + 1; else high = mid; }
  return low < 12 && gpa >= windows[low].base ? &windows[low] : 0;
}
APART static void access(struct vcpu *v, const struct access *a) {
  struct window *w = find(v->gpa);
  if (!w || (v->gpa & (a->size - 1))) slowly();
  u32 offset = v->gpa - w->base;
  if (a->store) w->write(w->device, offset, v->x[a->reg] & (a->size == 1 ? 0xff : ~0u), a->size);
  else {
    u64 value = w->read(w->device, offset, a->size);
    if (a->is_signed) { u32 bits = 64 - 8 * a->size; value = (i64)(value << bits) >> bits; }
    if (a->reg) v->x[a->reg] = value;
  }
  v->pc += a->length;
}

/* ── call: the extension and function of an environment call, its arguments, its answer ── */
struct answer { i64 error, value; };
typedef struct answer service(struct vcpu *, u64 fid);
static u64 alarm_at;
static struct answer timer(struct vcpu *v, u64 fid) {
  if (fid != 0) return (struct answer){-2, 0};
  alarm_at = v->x[10];
  v->hvip &= ~0x40ull;
  return (struct answer){0, 0};
}
static struct { u64 id; service *call; } services[8];
APART static u32 call(struct vcpu *v) {
  for (u32 i = 0; i < 8; i++) if (services[i].id == v->x[17]) {
    struct answer a = services[i].call(v, v->x[16]);
    v->x[10] = a.error; v->x[11] = a.value;
    return 1;
  }
  v->x[10] = -2; v->x[11] = 0;
  return 1;
}

/* ── walk: three levels of the guest's tables, each entry in its memory and checked ── */
static u64 tables[3][512] __attribute__((aligned(4096)));
static u64 ram_base, ram_size;
APART static u64 walk(struct vcpu *v, u64 va, u32 needs) {
  if (((i64)(va << 25) >> 25) != (i64)va) return 0;
  u64 table = (v->vsatp & ((1ull << 44) - 1)) << 12;
  for (int level = 2; level >= 0; level--) {
    u64 at = table + ((va >> (12 + 9 * level)) & 511) * 8;
    if (at - ram_base >= ram_size) return 0;
    u64 entry = *(u64 *)at;
    if (!(entry & 1) || (entry & 6) == 4 || entry >> 54) return 0;
    if (entry & 14) {
      u64 low = (1ull << (12 + 9 * level)) - 1, pa = (entry >> 10) << 12;
      if ((entry & needs) != needs || (pa & low)) return 0;
      return pa | (va & low);
    }
    table = (entry >> 10) << 12;
  }
  return 0;
}

/* ── step: the bytes of an instruction against the remembered ones, an addition, a branch; memory: a load behind the remembered page ── */
struct kept { u32 bytes; u8 op, rd, rs1, length; int imm; };
static struct kept code[256];
static u64 pages[16], places[16], data[512] __attribute__((aligned(4096)));
static u32 text[1024] __attribute__((aligned(4096)));
static inline __attribute__((always_inline)) u64 place(struct vcpu *v, u64 va) {
  u64 page = va >> 12;
  return pages[page & 15] == page ? places[page & 15] + (va & 4095) : walk(v, va, 0);
}
APART static int step(struct vcpu *v) {
  u64 at = place(v, v->pc);
  u32 bytes = *(u16 *)at;
  if ((bytes & 3) == 3) bytes |= (u32)*(u16 *)(at + 2) << 16;
  struct kept *k = &code[(at >> 1) & 255];
  if (k->bytes != bytes) return 0;
  switch (k->op) {
    case 0: v->x[k->rd] = v->x[k->rs1] + (i64)k->imm; break;
    case 1: v->x[k->rd] = v->x[k->rs1] ^ (i64)k->imm; break;
    case 2: if (v->x[k->rs1] == 0) { v->pc += (i64)k->imm; return 1; } break;
    case 3: v->x[k->rd] = *(u64 *)place(v, v->x[k->rs1] + (i64)k->imm); break;
    default: return 0;
  }
  if (k->rd == 0) v->x[0] = 0;
  v->pc += k->length;
  return 1;
}

static const struct access byte = {0, 1, 0, 15, 4};
static struct access found;
static void empty_part(void) {}
static void dispatch_part(void) { dispatch(&cpu); }
static void decode_part(void) { if (!decode(0x00574783, &found)) slowly(); }
static void device_part(void) { access(&cpu, &byte); }
static void call_part(void) { cpu.x[17] = 0x54494d45; cpu.x[16] = 0; call(&cpu); }
static void walk_part(void) { if (!walk(&cpu, 0x1000, 2)) slowly(); }
static void step_part(void) { cpu.pc = 0x2000; if (!step(&cpu)) slowly(); }
static void memory_part(void) { cpu.pc = 0x2004; cpu.x[5] = 0x3000; if (!step(&cpu)) slowly(); }
static const struct { const char *name; void (*part)(void); } parts[] = {
  {"dispatch", dispatch_part}, {"decode", decode_part}, {"device", device_part}, {"call", call_part}, {"walk", walk_part}, {"step", step_part},
  {"memory", memory_part},
};
APART static u64 took(void (*volatile part)(void), i64 n) {
  u64 from = now();
  for (i64 i = 0; i < n; i++) part();
  return now() - from;
}
static void prepare(void) {
  for (u32 i = 0; i < 8; i++) causes[i].handle = nothing;
  cpu.cause = 3;
  for (u32 i = 0; i < 12; i++) windows[i] = (struct window){0x10000000 + 0x1000ull * i, 0x10000100 + 0x1000ull * i, serial_read, serial_write, &serial};
  cpu.gpa = 0x10000005;
  for (u32 i = 0; i < 8; i++) services[i].id = i;
  services[4].id = 0x54494d45; services[4].call = timer;
  ram_base = (u64)tables; ram_size = sizeof tables;
  cpu.vsatp = 8ull << 60 | (u64)tables[0] >> 12;
  tables[0][0] = ((u64)tables[1] >> 12) << 10 | 1;
  tables[1][0] = ((u64)tables[2] >> 12) << 10 | 1;
  tables[2][1] = 0x80000ull << 10 | 0xcf;
  pages[2] = 2; places[2] = (u64)text; pages[3] = 3; places[3] = (u64)data;
  text[0] = 0x00128293; text[1] = 0x0002b303;
  code[((u64)text >> 1) & 255] = (struct kept){text[0], 0, 5, 5, 4, 1};
  code[(((u64)text + 4) >> 1) & 255] = (struct kept){text[1], 3, 6, 5, 4, 0};
}
int main(int argc, char **argv) {
  i64 n = argc > 1 ? number(argv[1]) : 100000;
  prepare();
  took(empty_part, n);
  u64 empty = took(empty_part, n);
  for (u32 i = 0; i < sizeof parts / sizeof *parts; i++) print("%s %u\n", parts[i].name, (took(parts[i].part, n) - empty + n / 2) / n);
  quit(0);
}
