/* Counters, time and the timer comparators under their enables. @spec priv 19.1.1, 19.2.1, 21.2.6, 21.2.7, 21.6.1; unpriv 7 */
#include "hyp.h"

enum { ALLOWED, ILLEGAL_, VIRTUAL_ };
static const char *const names[] = { "allowed", "illegal", "virtual" };
static const u8 modes[] = { HS, U, VS, VU };

static int outcome(void) {
  return completed() ? ALLOWED : last.to == M && last.cause == ILLEGAL ? ILLEGAL_ : last.to == M && last.cause == VIRTUAL ? VIRTUAL_ : -1;
}

static int expected(int mode, int m, int h, int s) {
  if (!m) return ILLEGAL_;
  if (mode >= VU && !h) return VIRTUAL_;
  if (!(mode & 1) && !s) return mode == VU ? VIRTUAL_ : ILLEGAL_;
  return ALLOWED;
}

static void enables(void) {
  static const struct { const char *name; int bit; } counters[] = { { "cycle", 0 }, { "time", 1 }, { "instret", 2 }, { "hpmcounter3", 3 } };
  for (unsigned i = 0; i < COUNT(counters); i++) for (int on = 0; on < 8; on++) for (unsigned m = 0; m < COUNT(modes); m++) {
    u64 bit = BIT(counters[i].bit);
    csr_set(mcounteren, on & 1 ? bit : ~bit);
    csr_set(hcounteren, on & 2 ? bit : ~bit);
    csr_set(scounteren, on & 4 ? bit : ~bit);
    if ((on & 1) && (csr_get(mcounteren) & bit) == 0) { skip(counters[i].name, "not implemented"); break; }
    int want = expected(modes[m], on & 1, on & 2, on & 4);
    run_insn(modes[m], csr_insn(0xc00 + counters[i].bit, 0), 0, 0);
    check(outcome() == want, "%s in %s, mcounteren %d hcounteren %d scounteren %d: %s", counters[i].name, mode_names[modes[m]], on & 1,
      on >> 1 & 1,
          on >> 2, names[want]);
  }
  reset();
}

static void comparators(void) {
  if (!has.sstc) { skip("stimecmp", "no Sstc"); return; }
  for (int on = 0; on < 16; on++) for (int write = 0; write < 2; write++) {
    csr_set(mcounteren, on & 1 ? 2 : 0);
    csr_set(hcounteren, on & 2 ? 2 : 0);
    csr_set(menvcfg, on & 4 ? ENV_STCE : 0);
    csr_set(henvcfg, on & 8 ? ENV_STCE : 0);
    int machine = (on & 5) == 5, guest = (on & 10) == 10;
    const struct { const char *name; int csr, mode, want; } rows[] = {
      { "stimecmp in HS", stimecmp, HS, machine ? ALLOWED : ILLEGAL_ },
      { "vstimecmp in HS", vstimecmp, HS, machine ? ALLOWED : ILLEGAL_ },
      { "stimecmp in VS", stimecmp, VS, !machine ? ILLEGAL_ : guest ? ALLOWED : VIRTUAL_ },
      { "vstimecmp in VS", vstimecmp, VS, machine ? VIRTUAL_ : ILLEGAL_ },
    };
    for (unsigned i = 0; i < COUNT(rows); i++) {
      run_insn(rows[i].mode, csr_insn(rows[i].csr, write), -1ul, 0);
      check(outcome() == rows[i].want, "%s %s, mcounteren %d hcounteren %d menvcfg %d henvcfg %d: %s", write ? "write" : "read",
        rows[i].name, on & 1,
            on >> 1 & 1, on >> 2 & 1, on >> 3, names[rows[i].want]);
    }
  }
  reset();
}

/* time in a guest is time + htimedelta, modulo 2^64. */
static void delta(void) {
  static const u64 deltas[] = { 0, 1ul << 40, -(1ul << 40), 0x8000000000000000ul, -1ul };
  for (unsigned i = 0; i < COUNT(deltas); i++) for (int mode = VU; mode <= VS; mode++) {
    csr_set(mcounteren, 2);
    csr_set(hcounteren, 2);
    csr_set(scounteren, 2);
    csr_set(htimedelta, deltas[i]);
    u64 before = CSR_READ(0xc01);
    u64 seen = run_insn(mode, csr_insn(0xc01, 0), 0, 0)->a[0] - deltas[i];
    u64 after = CSR_READ(0xc01);
    check(completed() && seen - before <= after - before, "time in %s with htimedelta %lx", mode_names[mode], deltas[i]);
    u64 outside = run_insn(HS, csr_insn(0xc01, 0), 0, 0)->a[0];
    check(completed() && outside - before < 1ul << 32, "time in HS does not see htimedelta %lx", deltas[i]);
  }
  reset();
}

/* hip.VSTIP follows (time + htimedelta) >= vstimecmp, unsigned, while both STCE are set; hvip.VSTIP is or'ed in. */
static void guest_timer(void) {
  if (!has.sstc) { skip("vstimecmp", "no Sstc"); return; }
  static const struct { const char *name; u64 delta, compare; int pending; } rows[] = {
    { "0", 0, 0, 1 }, { "far", 0, 1ul << 60, 0 }, { "all ones", 0, -1ul, 0 }, { "far, delta beyond it", 1ul << 61, 1ul << 60, 1 },
    { "0, delta wraps to great", -(1ul << 50), 0, 1 }, { "great, delta just less", -(1ul << 50), -1ul, 0 },
    { "2^63, delta 2^63", 1ul << 63, 1ul << 63, 1 }, { "2^63, no delta", 0, 1ul << 63, 0 },
  };
  for (unsigned i = 0; i < COUNT(rows); i++) {
    csr_set(mcounteren, 2);
    csr_set(menvcfg, ENV_STCE);
    csr_set(henvcfg, ENV_STCE);
    csr_set(htimedelta, rows[i].delta);
    csr_set(vstimecmp, rows[i].compare);
    check_value(csr_get(hip) >> 6 & 1, (u64)rows[i].pending, "vstimecmp %s: VSTIP %d", rows[i].name, rows[i].pending);
    csr_set(hideleg, 0x40);
    check_value(csr_get(vsip) >> 5 & 1, (u64)rows[i].pending, "vstimecmp %s: vsip.STIP %d", rows[i].name, rows[i].pending);
    check_value(csr_get(hvip), 0, "vstimecmp %s: hvip is not touched", rows[i].name);
    csr_set(henvcfg, 0);
    check_value(csr_get(hip) >> 6 & 1, 0, "vstimecmp %s: without henvcfg.STCE only hvip counts", rows[i].name);
    csr_set(hvip, 0x40);
    csr_set(henvcfg, ENV_STCE);
    check_value(csr_get(hip) >> 6 & 1, 1, "vstimecmp %s: hvip.VSTIP is or'ed in", rows[i].name);
    csr_set(menvcfg, 0);
    csr_set(hvip, 0);
    check_value(csr_get(hip) >> 6 & 1, 0, "vstimecmp %s: without menvcfg.STCE only hvip counts", rows[i].name);
    reset();
  }
  /* The interrupt comes of itself while the guest runs. */
  csr_set(mcounteren, 2);
  csr_set(menvcfg, ENV_STCE);
  csr_set(henvcfg, ENV_STCE);
  csr_set(hideleg, 0x40);
  csr_set(hie, 0x40);
  csr_set(vsstatus, MSTATUS_FS | MSTATUS_SIE);
  csr_set(htimedelta, 1ul << 40);
  csr_set(vstimecmp, CSR_READ(0xc01) + (1ul << 40) + 200);
  static const u32 loop[] = { 0x0000006f }; /* j . */
  run_code(VS, loop, 1, 0, 0, 0, 0);
  check(last.to == VS && last.cause == (INTERRUPT | 5), "vstimecmp interrupts a running guest");
  /* … and ends a guest's wait. */
  static const u32 wait[] = { 0x10500073, 0x0000006f }; /* wfi; j . */
  csr_set(vsstatus, MSTATUS_FS | MSTATUS_SIE);
  csr_set(vstimecmp, CSR_READ(0xc01) + (1ul << 40) + 200);
  run_code(VS, wait, 2, 0, 0, 0, 0);
  check(last.to == VS && last.cause == (INTERRUPT | 5) && last.epc - CODE <= 4, "vstimecmp ends a wfi of the guest");
  csr_set(vstimecmp, -1ul);
  reset();
}

/* Each level has a comparator: in a guest stimecmp means vstimecmp. The host's own timer interrupts a running guest. */
static void two_comparators(void) {
  if (!has.sstc) return;
  csr_set(mcounteren, 2);
  csr_set(hcounteren, 2);
  csr_set(menvcfg, ENV_STCE);
  csr_set(henvcfg, ENV_STCE);
  csr_set(stimecmp, 1ul << 62);
  csr_set(vstimecmp, -1ul);
  run_insn(VS, csr_insn(stimecmp, 1), 1ul << 61, 0);
  check_value(csr_get(vstimecmp), 1ul << 61, "stimecmp written in VS mode is vstimecmp");
  check_value(csr_get(stimecmp), 1ul << 62, "stimecmp of HS mode keeps its value");
  check_value(run_insn(VS, csr_insn(stimecmp, 0), 0, 0)->a[0], 1ul << 61, "stimecmp reads back in VS mode");
  csr_set(mideleg, 0x20);
  csr_set(mie, 0x20);
  for (int mode = VU; mode <= VS; mode++) {
    static const u32 loop[] = { 0x0000006f };
    csr_set(stimecmp, CSR_READ(0xc01) + 200);
    run_code(mode, loop, 1, 0, 0, 0, 0);
    check(last.to == HS && last.cause == (INTERRUPT | 5) && CSR_READ(hstatus) & HSTATUS_SPV,
      "stimecmp of HS mode interrupts a guest in %s", mode_names[mode]);
  }
  csr_set(stimecmp, -1ul);
  reset();
}

void counter_cases(void) {
  enables();
  comparators();
  delta();
  guest_timer();
  two_comparators();
}
