/*
 * A kernel with a mistake: it looks for a file in a directory that was never read, and follows a null pointer. Its trap handler prints a
 * panic as kernels do, and powers off with a failure. For the scenario guest-panic-report.
 */
typedef unsigned long u64;
enum { DBCN = 0x4442434e, SRST = 0x53525354, WRITE_BYTE = 2 };

struct directory { const char *name; u64 entries; u64 reserved[5]; const char **files; };
struct filesystem { const char *type; struct directory *root; };

static u64 call(u64 extension, u64 function, u64 a, u64 b) {
  register u64 a0 __asm__("a0") = a;
  register u64 a1 __asm__("a1") = b;
  register u64 a6 __asm__("a6") = function;
  register u64 a7 __asm__("a7") = extension;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
  return a0;
}

void print(const char *s) { while (*s) call(DBCN, WRITE_BYTE, (u64)*s++, 0); }
void panic(const char *why) {
  print("panic: ");
  print(why);
  print("\n");
  call(SRST, 0, 0, 1);
  for (;;) {}
}
void on_trap(void) {
  u64 cause;
  __asm__ volatile("csrr %0, scause" : "=r"(cause));
  panic(cause == 13 ? "load page fault in the kernel" : "unexpected trap in the kernel");
}

const char *find_entry(struct directory *d, u64 index) {
  print("looking for init\n");
  return d->files[index];
}
const char *open_init(struct filesystem *fs) { return find_entry(fs->root, 3); }
void mount_root(struct filesystem *fs) {
  print("mounting the root file system\n");
  print(open_init(fs));
}
void boot(void) {
  static struct filesystem fs = { "ext9", 0 };
  print("a small kernel boots\n");
  mount_root(&fs);
}
