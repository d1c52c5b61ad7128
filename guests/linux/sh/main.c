/*
 * sh [-c TEXT [NAME [ARG…]] | FILE [ARG…]]: reads and runs commands. With a terminal it prompts, and Ctrl-C ends the command, not the
 * shell.
 */
#include "sh.h"

int last_status, last_background, shell_pid, leaving, interactive;
char **parameters;
int parameter_count;

int run_text(const char *text) {
  const char *error;
  struct node *tree = parse(text, &error);
  if (error) { complain("sh: %s\n", strcmp(error, "more") ? error : "unexpected end of text"); return last_status = 2; }
  return tree ? run(tree, 0) : 0;
}

static void nothing(int signal) { (void)signal; }

static int is_terminal(int fd) { char termios[64]; return CALL3(SYS_ioctl, fd, 0x5401, termios) == 0; }

/* Runs complete commands as they come: a line, or more lines while the parser says "more". */
static void run_lines(int fd) {
  static char text[65536];
  size_t have = 0;
  while (!leaving) {
    if (interactive) { print(have ? "> " : "$ "); flush(); }
    i64 n = read_line(fd, text + have, sizeof text - have - 1);
    if (n < 0) break;
    have += n;
    text[have++] = '\n', text[have] = 0;
    const char *error;
    struct node *tree = parse(text, &error);
    if (error && !strcmp(error, "more") && have + 2 < sizeof text) continue;
    have = 0;
    if (error) { complain("sh: %s\n", error); last_status = 2; if (!interactive) quit(2); }
    else if (tree) run(tree, 0);
    break_count = continue_count = 0;
  }
  if (have) run_text(text);
}

static int run_file(const char *path) {
  int fd = sys_open(path, O_RDONLY, 0);
  if (fd < 0) { complain("sh: %s: %s\n", path, why(fd)); return 127; }
  int high = CALL3(SYS_fcntl, fd, 1030, 30); /* out of the way of redirections, and closed in programs */
  if (high >= 0) sys_close(fd), fd = high;
  run_lines(fd);
  return last_status;
}

int main(int argc, char **argv) {
  shell_pid = sys_getpid();
  for (char **e = environ; *e; e++) {
    char *equals = strchr(*e, '=');
    if (!equals) continue;
    char *name = copy_of(*e, equals - *e);
    set_variable(name, equals + 1);
    export_variable(name);
  }
  if (!get_variable("PATH")) set_variable("PATH", "/bin"), export_variable("PATH");
  int skip = argc > 1 && !strcmp(argv[1], "-c") ? 3 : 1;
  if (skip == 3 && argc < 3) { complain("sh: -c needs a command\n"); return 2; }
  parameters = argc > skip ? argv + skip : argv;
  parameter_count = argc > skip ? argc - skip : 1;
  if (skip == 3) { const char *error; struct node *tree = parse(argv[2], &error); return error ? run_text(argv[2]) : run(tree, 1); }
  if (argc > 1) return run_file(argv[1]);
  if ((interactive = is_terminal(0))) { struct sigaction caught = {nothing, 0, 0}; sys_sigaction(SIGINT, &caught, 0); }
  run_lines(0);
  if (interactive) print("\n");
  return last_status;
}
