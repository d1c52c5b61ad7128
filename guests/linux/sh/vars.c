/* Variables. Those that are exported make up the environment of programs. */
#include "sh.h"

struct variable { struct variable *next; char *name, *value; int exported; };
static struct variable *first;

static struct variable *find(const char *name, int make) {
  for (struct variable *v = first; v; v = v->next) if (!strcmp(v->name, name)) return v;
  if (!make) return 0;
  struct variable *v = allocate(sizeof *v);
  v->name = copy_of(name, strlen(name)), v->next = first;
  return first = v;
}
char *get_variable(const char *name) { struct variable *v = find(name, 0); return v ? v->value : 0; }
void set_variable(const char *name, const char *value) {
  struct variable *v = find(name, 1);
  size_t n = strlen(value);
  if (v->value && strlen(v->value) >= n) memcpy(v->value, value, n + 1); /* loops over variables need no memory */
  else v->value = copy_of(value, n);
}
void export_variable(const char *name) { struct variable *v = find(name, 1); v->exported = 1; if (!v->value) v->value = ""; }
void unset_variable(const char *name) {
  for (struct variable **v = &first; *v; v = &(*v)->next) if (!strcmp((*v)->name, name)) { *v = (*v)->next; return; }
}
char **exported(void) {
  int n = 0;
  for (struct variable *v = first; v; v = v->next) n += v->exported;
  char **list = allocate((n + 1) * sizeof *list);
  for (struct variable *v = first; v; v = v->next) {
    if (!v->exported) continue;
    size_t a = strlen(v->name), b = strlen(v->value);
    char *entry = list[--n] = allocate(a + b + 2);
    memcpy(entry, v->name, a), entry[a] = '=', memcpy(entry + a + 1, v->value, b);
  }
  return list;
}
