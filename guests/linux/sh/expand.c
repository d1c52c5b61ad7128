/*
 * Words as written to arguments: '…' and "…" and \ are taken off, $NAME ${NAME} ${NAME:-WORD} $? $$ $! $# $0 … $9 $@ $* and $(command) put
 * in; what they give outside quotes is split at blanks.
 */
#include "sh.h"

static char *text;       /* the argument being built */
static size_t used, room;
static int started;      /* there is an argument, even if it is empty */
static char **out;
static int outs, out_room;

static void add(char c) {
  if (used + 1 >= room) { char *more = allocate(room = room ? room * 2 : 64); memcpy(more, text, used); text = more; }
  text[used++] = c, text[used] = 0, started = 1;
}
static void emit(void) {
  if (!started) return;
  if (outs + 1 >= out_room) { char **more = allocate((out_room = out_room ? out_room * 2 : 16) * sizeof *more);
    memcpy(more, out, outs * sizeof *more); out = more; }
  out[outs++] = copy_of(used ? text : "", used), out[outs] = 0;
  used = started = 0;
}
static void add_value(const char *s, int quoted) {
  for (; s && *s; s++) if (!quoted && strchr(" \t\n", *s)) emit(); else add(*s);
}
static void add_number(i64 n, int quoted) {
  char digits[24], *d = digits + sizeof digits - 1;
  *d = 0;
  do *--d = '0' + n % 10; while (n /= 10);
  add_value(d, quoted);
}
static void add_parameters(int quoted, int separate) {
  for (int i = 1; i < parameter_count; i++) {
    if (i > 1) { if (separate || !quoted) emit(); else add(' '); }
    if (separate && quoted) started = 1;
    add_value(parameters[i], quoted);
  }
}
static int depth_end(const char *s, char open, char close) {
  int depth = 1, i = 0;
  for (; s[i]; i++) { if (s[i] == open) depth++; if (s[i] == close && !--depth) break; }
  return i;
}
static const char *braces(const char *s, int quoted) {
  int n = depth_end(s, '{', '}'), k = 0;
  while (k < n && name_part(s[k])) k++;
  char *value = get_variable(copy_of(s, k));
  if (k < n && s[k] == ':' && s[k + 1] == '-' && (!value || !*value)) value = expand_one(copy_of(s + k + 2, n - k - 2));
  add_value(value, quoted);
  return s + n + (s[n] == '}');
}
/* s is behind the '$'; gives where to go on. */
static const char *dollar(const char *s, int quoted) {
  if (*s == '(') {
    int n = depth_end(s + 1, '(', ')');
    char *kept = text; size_t kept_used = used, kept_room = room; int kept_started = started;
    char **kept_out = out; int kept_outs = outs, kept_out_room = out_room;
    char *value = capture(copy_of(s + 1, n));
    text = kept, used = kept_used, room = kept_room, started = kept_started, out = kept_out, outs = kept_outs, out_room = kept_out_room;
    add_value(value, quoted);
    return s + 1 + n + (s[1 + n] == ')');
  }
  if (*s == '{') return braces(s + 1, quoted);
  if (*s == '?') { add_number(last_status, quoted); return s + 1; }
  if (*s == '$') { add_number(shell_pid, quoted); return s + 1; }
  if (*s == '!') { add_number(last_background, quoted); return s + 1; }
  if (*s == '#') { add_number(parameter_count - 1, quoted); return s + 1; }
  if (*s == '@' || *s == '*') { add_parameters(quoted, *s == '@'); return s + 1; }
  if (*s >= '0' && *s <= '9') { if (*s - '0' < parameter_count) add_value(parameters[*s - '0'], quoted); return s + 1; }
  if (!name_start(*s)) { add('$'); return s; }
  size_t n = 0;
  while (name_part(s[n])) n++;
  add_value(get_variable(copy_of(s, n)), quoted);
  return s + n;
}
static void expand(const char *s, int split) {
  while (*s) {
    if (*s == '\'') { started = 1; for (s++; *s && *s != '\''; s++) add(*s); if (*s) s++; }
    else if (*s == '"') {
      int was = started;
      const char *inside = s + 1;
      started = was || !(inside[0] == '$' && inside[1] == '@' && inside[2] == '"'); /* "$@" of nothing is nothing */
      for (s++; *s && *s != '"';) {
        if (*s == '\\' && s[1] && strchr("\"\\$`\n", s[1])) { if (s[1] != '\n') add(s[1]); s += 2; }
        else if (*s == '$') s = dollar(s + 1, 1);
        else add(*s++);
      }
      if (*s) s++;
    }
    else if (*s == '\\' && s[1]) { if (s[1] != '\n') add(s[1]); s += 2; }
    else if (*s == '$') s = dollar(s + 1, !split);
    else add(*s++);
  }
}

/* Nested calls (a default value, a command substitution) work on a state of their own. */
char *expand_one(const char *word) {
  char *kept = text; size_t kept_used = used, kept_room = room; int kept_started = started;
  text = 0, used = room = 0;
  expand(word, 0);
  char *result = text ? text : "";
  text = kept, used = kept_used, room = kept_room, started = kept_started;
  return result;
}
char **expand_words(char **words, int count, int *result) {
  text = 0, used = room = 0, started = 0, out = allocate(sizeof *out), outs = 0, out_room = 0;
  for (int i = 0; i < count; i++) expand(words[i], 1), emit();
  *result = outs;
  return out;
}
