/*
 * Runs trees. A command that needs a process of its own forks. `last`: this process has nothing to do afterwards, so a program may
 * replace it.
 */
#include "sh.h"

int break_count, continue_count;

static int decode(int status) { return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 255; }

static int wait_for(int pid) {
  int status = 0, got;
  while ((got = sys_wait4(pid, &status, 0)) == -EINTR) {}
  if (got < 0) return 127;
  if ((status & 0x7f) == SIGINT && interactive) complain("\n");
  else if ((status & 0x7f) && (status & 0x7f) != SIGPIPE) complain("sh: process %d ended by signal %d\n", (i64)pid, (i64)(status & 0x7f));
  return decode(status);
}
static int start(void) {
  int pid = fork();
  if (pid < 0) { complain("sh: fork: %s\n", why(pid)); return pid; }
  if (pid == 0 && interactive) { struct sigaction normal = {SIG_DFL, 0, 0}; sys_sigaction(SIGINT, &normal, 0); interactive = 0; }
  return pid;
}

static int apply(struct redirect *r) {
  for (; r; r = r->next) {
    char *word = expand_one(r->word);
    int fd = r->duplicate ? (strcmp(word, "-") ? number(word) : -1) : sys_open(word, r->flags, 0644);
    if (r->duplicate && fd < 0) { sys_close(r->fd); continue; }
    if (fd < 0) { complain("sh: %s: %s\n", word, why(fd)); return 0; }
    if (fd == r->fd) continue;
    i64 got = sys_dup2(fd, r->fd);
    if (!r->duplicate) sys_close(fd);
    if (got < 0) { complain("sh: %s: %s\n", word, why(got)); return 0; }
  }
  return 1;
}

static void exec_path(const char *path, char **argv) {
  i64 got = sys_execve(path, argv, exported());
  if (got == -8) { /* no format the kernel knows: a script */
    int n = 0;
    while (argv[n]) n++;
    char **more = allocate((n + 2) * sizeof *more);
    more[0] = "sh", more[1] = (char *)path;
    memcpy(more + 2, argv + 1, n * sizeof *more);
    sys_execve("/bin/sh", more, exported());
  }
  if (got != -ENOENT && got != -20) { complain("sh: %s: %s\n", path, why(got)); quit(126); }
}
static void exec_program(char **argv) {
  if (strchr(argv[0], '/')) { exec_path(argv[0], argv); complain("sh: %s: not found\n", argv[0]); quit(127); }
  const char *path = get_variable("PATH");
  for (const char *s = path ? path : "/bin"; s;) {
    const char *end = strchr(s, ':');
    size_t n = end ? (size_t)(end - s) : strlen(s), m = strlen(argv[0]);
    char *full = allocate(n + m + 2);
    memcpy(full, s, n), full[n] = '/', memcpy(full + n + 1, argv[0], m);
    exec_path(full, argv);
    s = end ? end + 1 : 0;
  }
  complain("sh: %s: not found\n", argv[0]);
  quit(127);
}

/* NAME=VALUE words before a command. Alone they set variables; before a command they are for it only. */
static int assignments(struct node *n) {
  int k = 0;
  for (; k < n->count; k++) {
    char *w = n->words[k];
    size_t i = 0;
    if (name_start(*w)) while (name_part(w[i])) i++;
    if (!i || w[i] != '=') break;
  }
  return k;
}
static void assign(struct node *n, int count, int exporting) {
  for (int i = 0; i < count; i++) {
    char *equals = strchr(n->words[i], '='), *name = copy_of(n->words[i], equals - n->words[i]);
    set_variable(name, expand_one(equals + 1));
    if (exporting) export_variable(name);
  }
}

/* A builtin runs here; its redirections are undone afterwards. */
static int run_builtin(char **argv, int argc, struct redirect *redirects) {
  int kept[10], status = 1;
  for (int i = 0; i < 10; i++) kept[i] = -1;
  for (struct redirect *r = redirects; r; r = r->next) if (kept[r->fd] < 0) kept[r->fd] = CALL3(SYS_fcntl, r->fd, 1030, 20);
  if (apply(redirects)) builtin(argv, argc, &status);
  flush();
  if (!strcmp(argv[0], "exec")) return status;
  for (int i = 0; i < 10; i++) if (kept[i] >= 0) sys_dup2(kept[i], i), sys_close(kept[i]);
  return status;
}
static int run_command(struct node *n, int last) {
  int before = assignments(n), argc;
  char **argv = expand_words(n->words + before, n->count - before, &argc);
  if (!argc) {
    assign(n, before, 0);
    if (!n->redirects) return 0;
    char *nothing[] = {":", 0};
    return run_builtin(nothing, 1, n->redirects);
  }
  if (is_builtin(argv[0])) { assign(n, before, 0); return run_builtin(argv, argc, n->redirects); }
  int pid = last ? 0 : start();
  if (pid < 0) return 126;
  if (pid) return wait_for(pid);
  assign(n, before, 1);
  if (!apply(n->redirects)) quit(1);
  exec_program(argv);
  return 127;
}

static int run_pipe(struct node *n) {
  int fds[2], left = 0, count = 0, status = 0, input = 0;
  for (; n; n = n->kind == PIPE ? n->b : 0, count++) {
    int more = n->kind == PIPE;
    if (more && sys_pipe(fds) < 0) { complain("sh: no more pipes\n"); break; }
    left = start();
    if (left == 0) {
      if (input) sys_dup2(input, 0), sys_close(input);
      if (more) sys_close(fds[0]), sys_dup2(fds[1], 1), sys_close(fds[1]);
      quit(run(more ? n->a : n, 1));
    }
    if (input) sys_close(input);
    if (more) sys_close(fds[1]), input = fds[0];
    if (left < 0) { count--; break; }
  }
  for (int pid; count > 0; ) {
    int got;
    pid = sys_wait4(-1, &got, 0);
    if (pid == -EINTR) continue;
    if (pid < 0) break;
    count--;
    if (pid == left) status = decode(got);
  }
  return status;
}
/* Should a loop continue with its next round? Counts nested break and continue down. */
static int loop_ends(void) {
  if (leaving) return 1;
  if (break_count) { break_count--; return 1; }
  if (continue_count) return --continue_count > 0;
  return 0;
}
static int run_loop(struct node *n) {
  int status = 0;
  while ((run(n->a, 0) == 0) == (n->kind == WHILE)) { status = run(n->b, 0); if (loop_ends()) break; }
  return status;
}
static int run_for(struct node *n) {
  int count, status = 0;
  char **list = expand_words(n->words + 1, n->count - 1, &count);
  for (int i = 0; i < count; i++) { set_variable(n->words[0], list[i]); status = run(n->a, 0); if (loop_ends()) break; }
  return status;
}
static int in_child(struct node *body, struct redirect *redirects, int background) {
  int pid = start();
  if (pid < 0) return 126;
  if (pid && background) last_background = pid;
  if (pid) return background ? 0 : wait_for(pid);
  if (background && interactive) { struct sigaction ignore = {SIG_IGN, 0, 0}; sys_sigaction(SIGINT, &ignore, 0); }
  if (!apply(redirects)) quit(1);
  quit(body ? run(body, 1) : 0);
}
/* Compound commands with redirections run in a child, which keeps undoing simple. */
static int run_kind(struct node *n, int last) {
  if (n->redirects && n->kind != COMMAND && n->kind != SUBSHELL) { struct node bare = *n; bare.redirects = 0;
    return in_child(&bare, n->redirects, 0); }
  switch (n->kind) {
    case COMMAND: return run_command(n, last);
    case PIPE: return run_pipe(n);
    case AND: { int s = run(n->a, 0); return s == 0 && !leaving ? run(n->b, last) : s; }
    case OR: { int s = run(n->a, 0); return s != 0 && !leaving ? run(n->b, last) : s; }
    case SEQUENCE: { int s = run(n->a, 0); return leaving || break_count || continue_count ? s : run(n->b, last); }
    case BACKGROUND: return in_child(n->a, 0, 1);
    case IF: return run(n->a, 0) == 0 ? run(n->b, last) : n->c && !leaving ? run(n->c, last) : 0;
    case WHILE: case UNTIL: return run_loop(n);
    case FOR: return run_for(n);
    case GROUP: return run(n->a, last);
    case SUBSHELL: return in_child(n->a, n->redirects, 0);
    case NOT: return !run(n->a, 0);
  }
  return 2;
}
int run(struct node *n, int last) { return n ? last_status = run_kind(n, last) : 0; }

char *capture(const char *text) {
  int fds[2];
  if (sys_pipe(fds) < 0) return "";
  int pid = start();
  if (!pid) { sys_close(fds[0]); sys_dup2(fds[1], 1); sys_close(fds[1]); quit(run_text(text)); }
  sys_close(fds[1]);
  size_t have = 0, size = 1024;
  char *result = allocate(size);
  for (i64 n; (n = sys_read(fds[0], result + have, size - have - 1)) > 0 || n == -EINTR;)
    if (n > 0 && (have += n) + 1 == size) { char *more = allocate(size * 2); memcpy(more, result, have); result = more; size *= 2; }
  sys_close(fds[0]);
  last_status = pid > 0 ? wait_for(pid) : 126;
  while (have && result[have - 1] == '\n') have--;
  result[have] = 0;
  return result;
}
