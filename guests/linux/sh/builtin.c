/* Commands that change the shell itself, and a few that are too small for a program. */
#include "sh.h"

static int do_cd(char **argv, int argc) {
  char *to = argc > 1 ? argv[1] : get_variable("HOME");
  i64 got = CALL1(SYS_chdir, to ? to : "/");
  if (got < 0) complain("cd: %s: %s\n", to, why(got));
  return got < 0;
}
static int do_exit(char **argv, int argc) { leaving = 1; return argc > 1 ? number(argv[1]) & 255 : last_status; }
static int do_export(char **argv, int argc) {
  for (int i = 1; i < argc; i++) {
    char *equals = strchr(argv[i], '=');
    if (equals) *equals = 0, set_variable(argv[i], equals + 1);
    export_variable(argv[i]);
  }
  return 0;
}
static int do_unset(char **argv, int argc) { for (int i = 1; i < argc; i++) unset_variable(argv[i]); return 0; }
static int do_echo(char **argv, int argc) {
  int plain = argc > 1 && !strcmp(argv[1], "-n"), first = 1 + plain;
  for (int i = first; i < argc; i++) print(i > first ? " %s" : "%s", argv[i]);
  if (!plain) print("\n");
  flush();
  return 0;
}
static int do_true(char **argv, int argc) { (void)argv, (void)argc; return 0; }
static int do_false(char **argv, int argc) { (void)argv, (void)argc; return 1; }
static int do_break(char **argv, int argc) { break_count = argc > 1 ? number(argv[1]) : 1; return 0; }
static int do_continue(char **argv, int argc) { continue_count = argc > 1 ? number(argv[1]) : 1; return 0; }
static int do_shift(char **argv, int argc) {
  int n = argc > 1 ? number(argv[1]) : 1;
  if (n > parameter_count - 1) return 1;
  parameters[n] = parameters[0], parameters += n, parameter_count -= n;
  return 0;
}
static int do_read(char **argv, int argc) {
  static char line[4096];
  if (read_line(0, line, sizeof line) < 0) return 1;
  char *at = line;
  for (int i = 1; i < argc; i++) {
    while (*at == ' ' || *at == '\t') at++;
    char *end = at;
    if (i + 1 == argc) end += strlen(at); else while (*end && *end != ' ' && *end != '\t') end++;
    char *next = *end ? end + 1 : end;
    *end = 0;
    set_variable(argv[i], at);
    at = next;
  }
  return 0;
}
static int do_wait(char **argv, int argc) {
  int status = 0, got;
  while ((got = sys_wait4(argc > 1 ? number(argv[1]) : -1, &status, 0)) >= 0 || got == -EINTR) if (got >= 0 && argc > 1) break;
  return argc > 1 && got >= 0 ? (status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 255) : 0;
}
static int do_exec(char **argv, int argc) {
  if (argc < 2) return 0;
  struct node command = {COMMAND, 0, 0, 0, argv + 1, argc - 1, 0};
  return run(&command, 1);
}

/* test and [: one operator, with ! before it. */
static int compare_numbers(const char *op, i64 a, i64 b) {
  if (!strcmp(op, "-eq")) return a == b;
  if (!strcmp(op, "-ne")) return a != b;
  if (!strcmp(op, "-lt")) return a < b;
  if (!strcmp(op, "-le")) return a <= b;
  if (!strcmp(op, "-gt")) return a > b;
  return !strcmp(op, "-ge") && a >= b;
}
static int file_is(char op, const char *path) {
  struct stat st;
  if (sys_stat(path, &st, 0) < 0) return 0;
  if (op == 'f') return (st.mode & 0170000) == 0100000;
  if (op == 'd') return (st.mode & 0170000) == 0040000;
  return op == 's' ? st.size > 0 : 1;
}
static int truth(char **w, int n) {
  if (n && !strcmp(w[0], "!")) return !truth(w + 1, n - 1);
  if (n == 1) return *w[0] != 0;
  if (n == 2 && !strcmp(w[0], "-n")) return *w[1] != 0;
  if (n == 2 && !strcmp(w[0], "-z")) return *w[1] == 0;
  if (n == 2 && w[0][0] == '-') return file_is(w[0][1], w[1]);
  if (n != 3) return 0;
  if (!strcmp(w[1], "=")) return !strcmp(w[0], w[2]);
  if (!strcmp(w[1], "!=")) return strcmp(w[0], w[2]) != 0;
  return compare_numbers(w[1], number(w[0]), number(w[2]));
}
static int do_test(char **argv, int argc) {
  if (!strcmp(argv[0], "[") && --argc < 1) return 2;
  return !truth(argv + 1, argc - 1);
}

static const struct { const char *name; int (*act)(char **argv, int argc); } table[] = {
  {"cd", do_cd}, {"exit", do_exit}, {"export", do_export}, {"unset", do_unset}, {"echo", do_echo}, {":", do_true}, {"true", do_true},
  {"false", do_false}, {"break", do_break}, {"continue", do_continue}, {"shift", do_shift}, {"read", do_read}, {"wait", do_wait},
  {"exec", do_exec}, {"test", do_test}, {"[", do_test},
};
static int index_of(const char *name) {
  for (unsigned i = 0; i < sizeof table / sizeof *table; i++) if (!strcmp(table[i].name, name)) return i;
  return -1;
}
int is_builtin(const char *name) { return index_of(name) >= 0; }
int builtin(char **argv, int argc, int *status) {
  int i = index_of(argv[0]);
  if (i >= 0) *status = table[i].act(argv, argc);
  return i >= 0;
}
