/*
 * A small shell: enough for scripts with pipelines, redirections, variables, conditions and loops.
 *
 *   main.c    reads commands: -c TEXT, a script file, or lines from the terminal
 *   parse.c   text to a tree of nodes
 *   expand.c  words of the tree to arguments: quotes, $VARIABLES, $(commands)
 *   vars.c    variables and the environment
 *   exec.c    runs a tree: forks, pipes, redirections, waits
 *   builtin.c commands that must run in the shell itself
 */
#pragma once
#include "std.h"

enum kind { COMMAND, PIPE, AND, OR, SEQUENCE, BACKGROUND, IF, WHILE, UNTIL, FOR, GROUP, SUBSHELL, NOT };

struct redirect { struct redirect *next; int fd, flags, duplicate; char *word; };

/* words: COMMAND: assignments and words, unexpanded. FOR: variable, then the list. a, b, c: parts, e.g. IF a THEN b ELSE c. */
struct node { enum kind kind; struct node *a, *b, *c; char **words; int count; struct redirect *redirects; };

struct node *parse(const char *text, const char **error); /* null with *error null: nothing there. "more" means unfinished. */
int run(struct node *node, int last);                     /* exit status; `last`: may exec instead of fork */
char **expand_words(char **words, int count, int *result);
char *expand_one(const char *word);                       /* no field splitting */
int builtin(char **argv, int argc, int *status);          /* 0: not one of ours */
int is_builtin(const char *name);
int run_text(const char *text);                           /* parses and runs; 2 on a syntax error */
char *capture(const char *text);                          /* output of a command, trailing newlines removed */

char *get_variable(const char *name);
void set_variable(const char *name, const char *value);
void export_variable(const char *name);
void unset_variable(const char *name);
char **exported(void);

extern int last_status, last_background, shell_pid, leaving, interactive;
extern char **parameters;                                 /* $0, $1 … */
extern int parameter_count;
extern int break_count, continue_count;

static inline char *copy_of(const char *s, size_t n) { char *t = allocate(n + 1); memcpy(t, s, n); return t; }
static inline int name_start(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static inline int name_part(int c) { return name_start(c) || (c >= '0' && c <= '9'); }
