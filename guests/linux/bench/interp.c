/* interp [N]: a bytecode interpreter with a function per operation, called through a table: N thousand (5,000) indirect calls. */
#include "std.h"
struct vm { const u8 *pc; u64 stack[64], *sp, loops; };
typedef int (*operation)(struct vm *);
static int op_push(struct vm *v) { *v->sp++ = *v->pc++; return 1; }
static int op_add(struct vm *v) { v->sp--; v->sp[-1] += v->sp[0]; return 1; }
static int op_xor(struct vm *v) { v->sp--; v->sp[-1] ^= v->sp[0]; return 1; }
static int op_shl(struct vm *v) { v->sp[-1] = v->sp[-1] << 1 | v->sp[-1] >> 63; return 1; }
static int op_dup(struct vm *v) { v->sp[0] = v->sp[-1]; v->sp++; return 1; }
static int op_loop(struct vm *v) { if (!--v->loops) return 0; v->pc -= 7; return 1; }
int main(int argc, char **argv) {
  static const operation table[] = {op_push, op_add, op_xor, op_shl, op_dup, op_loop};
  static const u8 code[] = {4, 3, 2, 0, 77, 1, 5};
  i64 thousands = argc > 1 ? number(argv[1]) : 5000;
  struct vm v = {.pc = code, .loops = (u64)thousands * 1000 / 6};
  v.sp = v.stack;
  *v.sp++ = 1;
  u64 start = now();
  while (table[*v.pc++](&v)) ;
  print("interp: result %d, %d us\n", (i64)(v.stack[0] & 0xffffff), (now() - start) / 1000);
  return 0;
}
