/*
 * Changes its address space at random, and checks that its memory says what it wrote: `mapstorm SEED ROUNDS`. Pages are private, shared or
 * of a file; they are mapped, unmapped, protected, moved, given up, read and written, and children do the same with what they inherit.
 */
#include "std.h"

enum { PAGE = 4096, PAGES = 96, MOST = 12, READ = 1, WRITE = 2, FIXED = 16, MOVES = 1 | 2, DONTNEED = 4, SYS_mremap = 216,
  SYS_madvise = 233 };
enum kind { NOTHING, OWN, SHARED, OF_FILE };
static char *const base = (char *)0x20000000;
/* What is at each page. `is_known`: it begins with this word, and nobody else can change it. */
static struct page { enum kind kind; int rights, is_known; u64 word; } pages[PAGES];
static u64 seed;
static int file;

static u64 next(u64 below) {
  seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17;
  return (seed >> 11) % below;
}
static volatile u64 *word(int page) { return (u64 *)(base + (u64)page * PAGE); }
static void must(int right, const char *what, int page) {
  if (right) return;
  complain("mapstorm: %s at page %d\n", what, (i64)page);
  quit(1);
}
static int all_mapped(int from, int count) {
  for (int i = from; i < from + count; i++) if (pages[i].kind == NOTHING) return 0;
  return 1;
}

static void map(int from, int count) {
  enum kind kind = OWN + next(3);
  int rights = next(8);
  if (kind == OF_FILE) count = 1;
  must(sys_mmap((void *)word(from), (u64)count * PAGE, rights, (kind == SHARED ? MAP_SHARED : MAP_PRIVATE) | FIXED
    | (kind == OF_FILE ? 0 : MAP_ANONYMOUS), kind == OF_FILE ? file : -1, 0) == word(from), "mmap", from);
  for (int i = from; i < from + count; i++) pages[i] = (struct page){kind, rights, kind == OWN, 0};
}
static void unmap(int from, int count) {
  must(CALL2(SYS_munmap, word(from), (u64)count * PAGE) == 0, "munmap", from);
  for (int i = from; i < from + count; i++) pages[i].kind = NOTHING;
}
static void protect(int from, int count) {
  if (!all_mapped(from, count)) return;
  int rights = next(8);
  must(CALL3(SYS_mprotect, word(from), (u64)count * PAGE, rights) == 0, "mprotect", from);
  for (int i = from; i < from + count; i++) pages[i].rights = rights;
}
static void move(int from, int to) {
  if (from == to || pages[from].kind == NOTHING) return;
  must(CALL(SYS_mremap, word(from), PAGE, PAGE, MOVES, word(to), 0) == (i64)word(to), "mremap", from);
  pages[to] = pages[from];
  pages[from].kind = NOTHING;
}
static void give_up(int from, int count) {
  if (!all_mapped(from, count)) return;
  must(CALL3(SYS_madvise, word(from), (u64)count * PAGE, DONTNEED) == 0, "madvise", from);
  for (int i = from; i < from + count; i++) {
    pages[i].word = 0;
    pages[i].is_known = pages[i].kind == OWN;
  }
}
static void touch(int i) {
  struct page *page = &pages[i];
  if (page->kind == NOTHING || !(page->rights & READ)) return;
  if (page->is_known) must(*word(i) == page->word, "another word", i);
  if (!(page->rights & WRITE) || next(2)) return;
  *word(i) = page->word = seed;
  page->is_known = page->kind != SHARED;
}

static void storm(u64 rounds, int depth) {
  int status;
  for (u64 round = 0; round < rounds; round++) {
    int from = next(PAGES - MOST), count = 1 + next(MOST);
    switch (next(16)) {
      case 0: case 1: map(from, count); break;
      case 2: unmap(from, count); break;
      case 3: case 4: protect(from, count); break;
      case 5: move(from, next(PAGES)); break;
      case 6: give_up(from, count); break;
      case 7:
        if (depth == 2 || next(4)) break;
        if (fork() == 0) { next(2); storm(rounds / 8, depth + 1); quit(0); }
        if (next(2)) break; /* it goes on beside the child */
        must(sys_wait4(-1, &status, 0) > 0 && status == 0, "wait", 0);
        break;
      default: for (int i = 0; i < count; i++) touch(from + i);
    }
  }
  while (sys_wait4(-1, &status, 0) > 0) must(status == 0, "a child", 0);
}

int main(int argc, char **argv) {
  seed = argc > 1 ? number(argv[1]) * 2654435761u + 1 : 1;
  file = sys_open(argv[0], O_RDONLY, 0);
  storm(argc > 2 ? number(argv[2]) : 1000, 0);
  print("mapstorm: done\n");
  return 0;
}
