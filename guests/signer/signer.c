/*
 * A guest that wants its orders signed, and must not have the key. Its kernel asks a task beside the machine through a call of firmware;
 * its user program through a doorbell, a page of device registers that the kernel maps for it. Then it looks for the key in all of its own
 * memory.
 *
 * Built with KEY_INSIDE it signs for itself instead, as a machine without a signer beside it must.
 */
#include "sbi.h"
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

enum { DBCN = 0x4442434e, SRST = 0x53525354, PORTALS = 0x0a544553 };
enum { MEMORY = 0x80000000, MEMORY_BYTES = 8 << 20, BELL = 0x10200000, USER_CODE = 0x400000, USER_DATA = 0x500000, USER_BELL = 0x600000 };
/* registers of four bytes: vmm/devices/portals.ts */
enum { R_MAGIC = 0, R_BUFFER = 2, R_LENGTH = 4, R_RING = 6, R_STATUS = 7, R_ANSWER = 8 };
enum { V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128 };
static const char order[] = "pay 5 to Ada";
/* The rolling hash of the key: what the key is does not follow from it. */
enum { KEY_BYTES = 26 };
static const u64 key_hash = 0x6abfb0e9bc885b2ful, BASE = 1099511628211ul;
extern u8 user_code[];
u64 enter_user(u64 pc, u64 sp, u64 a0, u64 satp);

static u64 root[512] __attribute__((aligned(4096))), middle[512] __attribute__((aligned(4096)));
static u64 low[2][512] __attribute__((aligned(4096)));
static u8 data[4096] __attribute__((aligned(4096)));

static char line[256];
static int length;
static void text(const char *s) { while (*s) line[length++] = *s++; }
static void hexadecimal(u64 n, int digits) { while (digits--) line[length++] = "0123456789abcdef"[n >> 4 * digits & 15]; }
static void say(void) { line[length++] = '\n'; sbi_call(DBCN, 0, length, (u64)line, 0); length = 0; }
static void signature(const char *who, const u64 *words) {
  text(who);
  for (int i = 0; i < 8; i++) hexadecimal(words[i] & 0xffffffff, 8);
  say();
}

/* In a page of its own, at USER_CODE, in U mode: rings the doorbell, and ends with an ecall. a0: the physical address of its data. */
__attribute__((section(".user"), used)) static void user(u64 physical) {
  volatile u32 *bell = (volatile u32 *)USER_BELL;
  volatile u8 *mine = (volatile u8 *)USER_DATA;
  const u64 letters = 0x6f74203520796170ul, more = 0x61644120ul; /* "pay 5 to" " Ada" */
  for (int i = 0; i < 8; i++) mine[i] = letters >> 8 * i;
  for (int i = 0; i < 4; i++) mine[8 + i] = more >> 8 * i;
  bell[R_BUFFER] = physical, bell[R_BUFFER + 1] = physical >> 32, bell[R_LENGTH] = 12;
  bell[R_RING] = 0;
  mine[2048] = bell[R_STATUS] == 0 && bell[R_ANSWER] == 64;
  __asm__ volatile("ecall");
}

static void map(u64 *table, int index, u64 physical, u64 flags) { table[index] = physical >> 12 << 10 | flags | V; }
static void run_user(void) {
  map(root, 2, MEMORY, R | W | X | A | D);
  map(root, 0, (u64)middle, 0);
  map(middle, 2, (u64)low[0], 0);
  map(middle, 3, (u64)low[1], 0);
  map(low[0], 0, (u64)user_code, R | X | U | A);
  map(low[0], 256, (u64)data, R | W | U | A | D);
  map(low[1], 0, BELL, R | W | U | A | D);
  u64 cause = enter_user(USER_CODE + ((u64)user - (u64)user_code), USER_DATA + 4096, (u64)data, 8ul << 60 | (u64)root >> 12);
  if (cause != 8 || !data[2048]) { text("signer: the user program failed, cause "); hexadecimal(cause, 2); say(); return; }
  signature("signer: for a user program, by the doorbell: ", (u64 *)data);
}

static void sign_outside(void) {
  for (int i = 0; order[i]; i++) data[i] = order[i];
  struct sbi_result a = sbi_call(PORTALS, 1, 0, (u64)data, sizeof order - 1);
  if (a.error || a.value != 64) { text("signer: firmware knows nobody who signs"); say(); return; }
  signature("signer: for the kernel, by a call of firmware: ", (u64 *)data);
  run_user();
  struct sbi_result none = sbi_call(PORTALS, 1, 1, (u64)data, 12), nowhere = sbi_call(PORTALS, 1, 0, 0x1000, 12);
  text(none.error && nowhere.error ? "signer: other portals and other memory are refused" : "signer: something was not refused");
  say();
}

#ifdef KEY_INSIDE
#include "sha256.h"
static const u8 key[] = "a key that nobody else has";
static void sign_inside(void) {
  u64 words[8];
  hmac(key, KEY_BYTES, (const u8 *)order, sizeof order - 1, words);
  signature("signer: by the guest itself: ", words);
}
#endif

/* Where in memory KEY_BYTES bytes with the key's hash stand; 0: nowhere. */
static u64 look_for_key(void) {
  const u8 *memory = (const u8 *)(u64)MEMORY;
  u64 hash = 0, top = 1;
  for (int i = 0; i < KEY_BYTES; i++) hash = hash * BASE + memory[i], top *= BASE;
  for (u64 i = KEY_BYTES; i < MEMORY_BYTES; i++) {
    if (hash == key_hash) return (u64)memory + i - KEY_BYTES;
    hash = hash * BASE + memory[i] - top * memory[i - KEY_BYTES];
  }
  return 0;
}

void main(void) {
#ifdef KEY_INSIDE
  sign_inside();
#else
  sign_outside();
#endif
  u64 found = look_for_key();
  text(found ? "signer: the key is in this machine's memory, at " : "signer: all memory looked through: the key is not here");
  if (found) hexadecimal(found, 8);
  say();
  sbi_call(SRST, 0, 0, 0, 0);
}
