/* Page frames and Sv39 page tables. The kernel is mapped one to one by gigapages in every space; processes get pages below it. */
#include "minios.h"

enum { PAGE = 4096 };
u64 *kernel_space;
extern char free_start[];
static u64 next_free;

void *new_page(void) {
  if (next_free + PAGE > memory_base + memory_size) panic("out of memory");
  u64 *page = (u64 *)next_free;
  next_free += PAGE;
  for (int i = 0; i < PAGE / 8; i++) page[i] = 0;
  return page;
}
u64 *new_space(void) {
  u64 *root = new_page();
  for (u64 giga = memory_base >> 30; giga <= (memory_base + memory_size - 1) >> 30; giga++)
    root[giga] = giga << 28 | PTE_V | PTE_R | PTE_W | PTE_X | PTE_G | PTE_A | PTE_D;
  return root;
}
/* One page; intermediate tables are made as needed. */
void map(u64 *root, u64 va, u64 pa, u64 flags) {
  u64 *table = root;
  for (int level = 2; level > 0; level--) {
    u64 *entry = &table[va >> (12 + 9 * level) & 511];
    if (!(*entry & PTE_V)) *entry = (u64)new_page() >> 2 | PTE_V;
    table = (u64 *)(*entry >> 10 << 12);
  }
  table[va >> 12 & 511] = pa >> 2 | flags | PTE_V | PTE_A | PTE_D;
}
void use_space(u64 *root) {
  write_csr(satp, 8ul << 60 | (u64)root >> 12);
  __asm__ volatile("sfence.vma" ::: "memory");
}
void start_memory(void) {
  next_free = ((u64)free_start + 65535) & ~65535ul; /* behind us; stacks of further harts come out of here too */
  kernel_space = new_space();
  use_space(kernel_space);
}
