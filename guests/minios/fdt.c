/* The flattened device tree: a run of big-endian tokens; we look for a handful of properties by name. */
#include "minios.h"

u64 timebase = 10000000, memory_base = 0x80000000, memory_size = 64 << 20;
int has_sstc, hart_count;
static char bootargs[256];

enum { BEGIN_NODE = 1, END_NODE = 2, PROPERTY = 3, NOTHING = 4 };

static u32 be32(const void *at) { const u8 *b = at; return (u32)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]; }
static u64 be64(const void *at) { return (u64)be32(at) << 32 | be32((const u8 *)at + 4); }
static int same(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }
static int begins(const char *s, const char *with) { while (*with) if (*s++ != *with++) return 0; return 1; }

static void isa(const char *s) { for (; *s; s++) if (begins(s, "_sstc")) has_sstc = 1; }
static void isa_list(const char *s, u32 n) { for (u32 i = 0; i < n; i++) if ((i == 0 || !s[i - 1]) && same(s + i, "sstc")) has_sstc = 1; }

static void property(const char *node, const char *name, const char *value, u32 n) {
  if (same(name, "timebase-frequency") && n == 4) timebase = be32(value);
  if (same(name, "riscv,isa")) isa(value);
  if (same(name, "riscv,isa-extensions")) isa_list(value, n);
  if (same(name, "reg") && begins(node, "cpu@")) hart_count++;
  if (same(name, "reg") && begins(node, "memory@") && n >= 16) memory_base = be64(value), memory_size = be64(value + 8);
  if (same(name, "bootargs")) for (u32 i = 0; i < n && i < sizeof bootargs - 1; i++) bootargs[i] = value[i];
}
void read_device_tree(const void *tree) {
  const char *base = tree, *node = "", *strings;
  if (!tree || be32(tree) != 0xd00dfeed) { hart_count = 1; return; }
  strings = base + be32(base + 12);
  for (const char *at = base + be32(base + 8);;) {
    u32 token = be32(at), n;
    at += 4;
    if (token == BEGIN_NODE) { for (node = at; *at; at++) {} at = base + (((u64)(at - base) + 4) & ~3ul); }
    else if (token == PROPERTY) { n = be32(at); property(node, strings + be32(at + 4), at + 8, n); at += 8 + ((n + 3) & ~3u); }
    else if (token != END_NODE && token != NOTHING) return;
  }
}
u64 option(const char *name, u64 otherwise) {
  for (const char *s = bootargs; *s; s++) {
    const char *at = s, *n = name;
    if (s > bootargs && s[-1] != ' ') continue;
    while (*n && *at == *n) at++, n++;
    if (*n || *at++ != '=') continue;
    u64 value = 0;
    while (*at >= '0' && *at <= '9') value = value * 10 + *at++ - '0';
    return value;
  }
  return otherwise;
}
