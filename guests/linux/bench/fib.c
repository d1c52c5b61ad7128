/* fib [N]: the Nth Fibonacci number (32) by two recursive calls: calls, returns, the stack. */
#include "std.h"
static __attribute__((noinline)) u64 fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
int main(int argc, char **argv) {
  u64 n = argc > 1 ? number(argv[1]) : 32, start = now(), result = fib(n);
  print("fib: fib(%d) = %d, %d us\n", n, result, (now() - start) / 1000);
  return 0;
}
