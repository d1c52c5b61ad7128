/*
 * A native program: no Unix, only capabilities. It says hello through its log capability, makes a second thread in its own task out of its
 * own factory, and measures calls between the two.
 */
#include "tessera.h"

enum { SERVER_UTCB = 0x7f0000, ROUNDS = 1000, PRIORITY = 100 };
static u8 server_stack[4096] __attribute__((aligned(16)));

/* Adds one to the word it is sent, for ever. */
static void server(struct utcb *u) {
  u64 flags = RECEIVE;
  for (;;) {
    ipc(flags, 0, -1ul);
    u->words[0]++;
    set_tag(u, 0, 1);
    flags = REPLY | RECEIVE;
  }
}

void main(const struct info *info) {
  begin(info);
  print("hello from a native task\n");
  u64 thread = new_thread(server, server_stack + sizeof server_stack, SERVER_UTCB, PRIORITY), portal = new_selector();
  must(factory_create_portal(self.utcb, OWN_FACTORY, portal, thread, 7, 0), "no portal");
  u64 value = 0, before = now();
  for (int i = 0; i < ROUNDS; i++) {
    self.utcb->words[0] = value;
    must(call(self.utcb, portal, 1, 1), "a call failed");
    value = self.utcb->words[0];
  }
  u64 each = (now() - before) * 100 / ROUNDS; /* the clock ticks every 100 ns */
  if (value != ROUNDS) die("the server counts wrong");
  print("ping-pong: ");
  print_number(ROUNDS, 10);
  print(" calls, ");
  print_number(each, 10);
  print(" ns each\n");
  end(0, "all calls answered");
}
