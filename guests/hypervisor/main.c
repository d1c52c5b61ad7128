/* The groups in order. */
#include "hyp.h"

extern void detect(void);
extern int summary(void);
extern void csr_cases(void), matrix_cases(void), counter_cases(void), translate_cases(void), permission_cases(void), update_cases(void),
  tinst_cases(void), interrupt_cases(void), trap_cases(void), guest_access_cases(void), fence_cases(void), state_cases(void);

static const struct { const char *name; void (*cases)(void); } groups[] = {
  { "csr", csr_cases },
  { "matrix", matrix_cases },
  { "counter", counter_cases },
  { "translate", translate_cases },
  { "permission", permission_cases },
  { "update", update_cases },
  { "tinst", tinst_cases },
  { "interrupt", interrupt_cases },
  { "trap", trap_cases },
  { "hlv", guest_access_cases },
  { "fence", fence_cases },
  { "state", state_cases },
};

int main(void) {
  group("setup");
  detect();
  for (unsigned i = 0; i < COUNT(groups); i++) {
    group(groups[i].name);
    reset();
    groups[i].cases();
  }
  return summary();
}
