/*
 * A covert channel: two programs that have no capability in common. One spins or sleeps, a bit in each slot of ten milliseconds; the other
 * counts how far it gets in each slot, and reads the bits out of that.
 *   arguments: {"role":"sender"} or {"role":"receiver"}
 */
#include "tessera.h"

enum { SLOT = 100000 /* ticks of 100 ns */, FIRST_SLOT = 3, TRAINING = 8, BITS = 32 };
static const u8 secret[4] = {0xb6, 0x1d, 0x4e, 0xa5}; /* as many ones as zeros in every byte, or nearly */
static u64 counts[TRAINING + BITS];

/* Which bit slot n carries: one and zero in turn at first, so that the receiver learns how they look. */
static int bit_of(u64 n) { return n < TRAINING ? n % 2 == 0 : secret[(n - TRAINING) / 8] >> (n - TRAINING) % 8 & 1; }
static u64 start_of(u64 n) { return (FIRST_SLOT + n) * SLOT; }
static void sleep_until(u64 ticks) { u64 t = now(); if (t < ticks) ipc(RECEIVE, 0, (ticks - t) * 100); }

static void sender(void) {
  for (u64 n = 0; n < TRAINING + BITS; n++) {
    sleep_until(start_of(n));
    if (bit_of(n)) while (now() < start_of(n + 1) - SLOT / 20) {}
  }
  end(0, "everything was sent");
}

static void receiver(void) {
  sleep_until(start_of(0));
  for (u64 n = 0; n < TRAINING + BITS; n++) while (now() < start_of(n + 1)) counts[n]++;
  u64 ones = 0, zeros = 0, right = 0;
  for (u64 n = 0; n < TRAINING; n++) *(bit_of(n) ? &ones : &zeros) += counts[n];
  u64 middle = (ones + zeros) / TRAINING;
  for (u64 n = TRAINING; n < TRAINING + BITS; n++) right += (ones < zeros ? counts[n] < middle : counts[n] > middle) == bit_of(n);
  print("a slot that carries 1 lets me get ");
  print_number(ones * 2 / TRAINING, 10);
  print(" steps far, one that carries 0 ");
  print_number(zeros * 2 / TRAINING, 10);
  print("\nbits read right: ");
  print_number(right, 10);
  print(" of ");
  print_number(BITS, 10);
  print(right > BITS * 9 / 10 ? ": the secret has leaked\n" : ": no better than guessing\n");
  end(0, "counted");
}

void main(const struct info *info) {
  begin(info);
  for (const char *a = arguments(info); *a; a++) if (a[0] == 's' && a[1] == 'e' && a[2] == 'n') sender();
  receiver();
}
