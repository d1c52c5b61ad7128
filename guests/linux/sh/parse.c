/*
 * Recursive descent over the text:
 *
 *   list      pipeline { ("&&" | "||") pipeline } { (";" | "&" | newline) … }
 *   pipeline  ["!"] command { "|" command }
 *   command   "(" list ")" | "{" list "}" | if | while | until | for | word…, each with redirections
 */
#include "sh.h"

static const char *at, *complaint;
static struct node *list(void);

static void fail(const char *why) { if (!complaint) complaint = why; }

static void blanks(void) {
  for (;; at++) {
    if (at[0] == '\\' && at[1] == '\n') at++;
    else if (*at == '#') { while (*at && *at != '\n') at++; at--; }
    else if (*at != ' ' && *at != '\t') return;
  }
}
static void newlines(void) { for (blanks(); *at == '\n' || *at == ';'; blanks()) at++; }

/* The end of a $(…) or quoted part that begins at s; null if it is unfinished. */
static const char *skip_quoted(const char *s);
static const char *skip_parens(const char *s) {
  for (int depth = 1; *s; s++) {
    if (*s == '(') depth++;
    if (*s == ')' && !--depth) return s + 1;
    if (*s == '\'' || *s == '"') { if (!(s = skip_quoted(s))) return 0; s--; }
  }
  return 0;
}
static const char *skip_quoted(const char *s) {
  char q = *s++;
  for (; *s; s++) {
    if (*s == q) return s + 1;
    if (q == '"' && *s == '\\' && s[1]) s++;
    else if (q == '"' && s[0] == '$' && s[1] == '(') { if (!(s = skip_parens(s + 2))) return 0; s--; }
  }
  return 0;
}

static char *word(void) {
  blanks();
  const char *s = at;
  while (*s && !strchr(" \t\n;&|<>()", *s)) {
    if (*s == '\'' || *s == '"') { if (!(s = skip_quoted(s))) { fail("more"); return 0; } }
    else if (s[0] == '$' && s[1] == '(') { if (!(s = skip_parens(s + 2))) { fail("more"); return 0; } }
    else if (*s == '\\' && s[1]) s += 2;
    else s++;
  }
  if (s == at) return 0;
  char *w = copy_of(at, s - at);
  at = s;
  return w;
}

/* Is the next word exactly this one? If so, it is taken. */
static int taken(const char *keyword) {
  blanks();
  size_t n = strlen(keyword);
  if (strncmp(at, keyword, n) || (at[n] && !strchr(" \t\n;&|<>()", at[n]))) return 0;
  at += n;
  return 1;
}
static int ahead(const char *keyword) { const char *back = at; int yes = taken(keyword); at = back; return yes; }
static void need(const char *keyword) { newlines(); if (!taken(keyword)) fail(*at ? "syntax error" : "more"); }

static struct node *make(enum kind kind, struct node *a, struct node *b) {
  struct node *n = allocate(sizeof *n);
  n->kind = kind, n->a = a, n->b = b;
  return n;
}

static int redirection(struct node *n) {
  blanks();
  const char *back = at;
  int fd = -1;
  if (*at >= '0' && *at <= '9' && (at[1] == '<' || at[1] == '>')) fd = *at++ - '0';
  if (*at != '<' && *at != '>') { at = back; return 0; }
  struct redirect *r = allocate(sizeof *r), **end = &n->redirects;
  int out = *at++ == '>';
  r->fd = fd >= 0 ? fd : out;
  r->flags = out ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY;
  if (out && *at == '>') at++, r->flags = O_WRONLY | O_CREAT | O_APPEND;
  if (*at == '&') at++, r->duplicate = 1;
  if (!(r->word = word())) fail(*at ? "syntax error after a redirection" : "more");
  while (*end) end = &(*end)->next;
  *end = r;
  return 1;
}

static void add_word(struct node *n, char *w) {
  if ((n->count & (n->count - 1)) == 0) { /* full at every power of two */
    char **more = allocate((n->count ? n->count * 2 : 1) * sizeof *more);
    memcpy(more, n->words, n->count * sizeof *more);
    n->words = more;
  }
  n->words[n->count++] = w;
}

static struct node *if_node(void) {
  struct node *n = make(IF, list(), 0);
  need("then");
  n->b = list();
  newlines();
  if (taken("elif")) { n->c = if_node(); return n; }
  if (taken("else")) n->c = list();
  need("fi");
  return n;
}
static struct node *loop(enum kind kind) {
  struct node *n = make(kind, list(), 0);
  need("do");
  n->b = list();
  need("done");
  return n;
}
static struct node *for_node(void) {
  struct node *n = make(FOR, 0, 0);
  char *w = word();
  if (!w) { fail("for needs a variable"); return n; }
  add_word(n, w);
  newlines();
  if (taken("in")) while (!complaint && (w = word())) add_word(n, w);
  else add_word(n, copy_of("\"$@\"", 4));
  need("do");
  n->a = list();
  need("done");
  return n;
}
static struct node *simple(void) {
  struct node *n = make(COMMAND, 0, 0);
  for (char *w; !complaint;) {
    if (redirection(n)) continue;
    if (!(w = word())) break;
    add_word(n, w);
  }
  if (!n->count && !n->redirects && !complaint) fail(*at ? "syntax error" : "more");
  return n;
}
static struct node *command(void) {
  struct node *n;
  blanks();
  if (*at == '(') { at++; n = make(SUBSHELL, list(), 0); newlines(); if (*at == ')') at++;
    else fail(*at ? "syntax error: ) is missing" : "more"); }
  else if (taken("{")) { n = make(GROUP, list(), 0); need("}"); }
  else if (taken("if")) n = if_node();
  else if (taken("while")) n = loop(WHILE);
  else if (taken("until")) n = loop(UNTIL);
  else if (taken("for")) n = for_node();
  else return simple();
  while (!complaint && redirection(n)) {}
  return n;
}
static struct node *pipeline(void) {
  if (taken("!")) return make(NOT, pipeline(), 0);
  struct node *n = command();
  blanks();
  if (complaint || at[0] != '|' || at[1] == '|') return n;
  at++;
  newlines();
  return make(PIPE, n, pipeline());
}
static struct node *and_or(void) {
  struct node *n = pipeline();
  for (blanks(); !complaint && at[1] == at[0] && (*at == '&' || *at == '|'); blanks()) {
    enum kind kind = *at == '&' ? AND : OR;
    at += 2;
    newlines();
    n = make(kind, n, pipeline());
  }
  return n;
}
static int list_ends(void) {
  static const char *const closers[] = {"then", "elif", "else", "fi", "do", "done", "}", 0};
  if (!*at || *at == ')') return 1;
  for (int i = 0; closers[i]; i++) if (ahead(closers[i])) return 1;
  return 0;
}
static struct node *list(void) {
  struct node *n = 0;
  for (newlines(); !complaint && !list_ends(); newlines()) {
    struct node *next = and_or();
    blanks();
    if (*at == '&') at++, next = make(BACKGROUND, next, 0);
    else if (*at && *at != ';' && *at != '\n' && !list_ends()) fail("syntax error");
    n = n ? make(SEQUENCE, n, next) : next;
  }
  return n;
}

struct node *parse(const char *text, const char **error) {
  at = text, complaint = 0;
  struct node *n = list();
  if (!complaint && *at) fail("syntax error");
  *error = complaint;
  return complaint ? 0 : n;
}
