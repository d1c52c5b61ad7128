/*
 * build [N]: does what make does with a small project, without a compiler. It writes N sources (8), sends each through four programs that
 * the shell joins by pipes, joins the results and prints how long that takes. Runs unchanged on Linux and on a Unix server; works in
 * /tmp/build.
 */
#include "std.h"

static void run(char *command) {
  char *argv[] = {"/bin/sh", "-c", command, 0};
  int status, pid = sys_fork();
  if (!pid) { sys_execve(argv[0], argv, environ); CALL1(SYS_exit_group, 127); }
  if (pid < 0 || sys_wait4(pid, &status, 0) != pid || status) { complain("build: '%s' failed\n", command); quit(1); }
}
static void source(int n) {
  static char text[200 * 32], name[] = "s0";
  size_t at = 0;
  name[1] = '0' + n;
  for (int i = 0; i < 200; i++)
    for (const char *c = "int f000(int x) { return x + 7; }"; *c && at < sizeof text; c++)
      text[at++] = *c == '0' ? '0' + (i * (n + 3)) % 10 : *c == '}' ? '\n' : *c;
  int fd = sys_open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
  write_all(fd, text, at);
  sys_close(fd);
}
int main(int argc, char **argv) {
  int n = argc > 1 ? number(argv[1]) : 8;
  static char compile[] = "tr a-z A-Z < s0 | sort | grep 7 | head -n 50 > o0", clean[] = "rm s0 o0";
  if (n > 9) n = 9;
  CALL4(SYS_mkdirat, AT_FDCWD, "/tmp", 0777, 0);
  CALL4(SYS_mkdirat, AT_FDCWD, "/tmp/build", 0755, 0);
  CALL1(SYS_chdir, "/tmp/build");
  for (int i = 0; i < n; i++) source(i);
  u64 start = now();
  for (int i = 0; i < n; i++) {
    compile[14] = '0' + i;
    compile[sizeof compile - 2] = '0' + i;
    run(compile);
  }
  run("cat o0 o1 o2 > all; wc all > size; ls > names");
  print("build %d %d\n", (i64)1, now() - start);
  flush();
  for (int i = 0; i < n; i++) { clean[4] = clean[7] = '0' + i; run(clean); }
  run("rm all size names");
  return 0;
}
