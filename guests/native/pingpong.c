/*
 * A native program: no Unix, no library, only capabilities. It says hello through its log capability, makes a second thread in its own task out of its
 * own factory, and measures calls between the two.
 */
#include "tessera.h"

enum { SERVER = FIRST_FREE, SERVER_CONTEXT, PORTAL, SERVER_UTCB = 0x7f0000, ROUNDS = 1000, PRIORITY = 120 };
static u8 server_stack[4096] __attribute__((aligned(16)));
static struct utcb *mine;
static u64 log_cap, life_cap;

static int same(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }

static u64 find(const struct info *info, const char *name) {
  for (u64 i = 0; i < info->cap_count; i++) if (same(info->caps[i].name, name)) return info->caps[i].selector;
  return 0;
}

/* Text travels as its length and then its bytes, packed in words. */
static u64 put_text(u64 at, const char *text) {
  u64 n = 0;
  u8 *to = (u8 *)&mine->words[at + 1];
  for (; text[n]; n++) to[n] = text[n];
  mine->words[at] = n;
  return at + 1 + (n + 7) / 8;
}
/* One line of the log. */
static void say(const char *text) {
  u64 words = put_text(0, text), n = mine->words[0]++;
  ((char *)&mine->words[1])[n] = '\n';
  call(mine, log_cap, LOG_LINE, n % 8 ? words : words + 1);
}

static void end(u64 status, const char *text) {
  extern void die(void);
  call(mine, life_cap, LIFE_REPORT, put_text(0, text));
  mine->words[0] = status;
  call(mine, life_cap, LIFE_EXIT, put_text(1, text));
  die();
}
static void must(u64 status, const char *what) { if (status != OK) end(1, what); }

/* Adds one to the word it is sent, for ever. a0 = its UTCB. */
static void server(struct utcb *u) {
  u64 flags = RECEIVE;
  for (;;) {
    ipc(flags, 0, -1ul);
    u->words[0]++;
    set_tag(u, 0, 1);
    flags = REPLY | RECEIVE;
  }
}

static char *append(char *to, const char *text) { while (*text) *to++ = *text++; *to = 0; return to; }
static char *append_number(char *to, u64 n) {
  char digits[24], *d = digits + 23;
  *d = 0;
  do *--d = '0' + n % 10; while (n /= 10);
  return append(to, d);
}

void main(const struct info *info) {
  mine = info->utcb, log_cap = find(info, "log"), life_cap = find(info, "life");
  say("hello from a native task");
  must(invoke(mine, OWN_SCHED_CONTEXT, SCHED_CONTEXT_SET, PRIORITY - 20, 0, 0, 0, 0), "no lower priority"); /* the server runs above us */
  must(invoke(mine, OWN_FACTORY, FACTORY_CREATE_THREAD, SERVER, OWN_TASK, 0, SERVER_UTCB, 0), "no thread");
  must(invoke(mine, OWN_FACTORY, FACTORY_CREATE_SCHED_CONTEXT, SERVER_CONTEXT, PRIORITY, 0, 0, 0), "no scheduling context");
  must(invoke(mine, OWN_FACTORY, FACTORY_CREATE_PORTAL, PORTAL, SERVER, 7, 0, 0), "no portal");
  must(invoke(mine, SERVER, THREAD_BIND, SERVER_CONTEXT, 0, 0, 0, 0), "no binding");
  must(invoke(mine, SERVER, THREAD_START, (u64)server, (u64)server_stack + sizeof server_stack, SERVER_UTCB, 0, 0), "no start");
  u64 value = 0, before = now();
  for (int i = 0; i < ROUNDS; i++) {
    mine->words[0] = value;
    must(call(mine, PORTAL, 1, 1), "a call failed");
    value = mine->words[0];
  }
  u64 each = (now() - before) * 100 / ROUNDS; /* the clock ticks every 100 ns */
  if (value != ROUNDS) end(1, "the server counts wrong");
  char line[96];
  append(append_number(append(append_number(append(line, "ping-pong: "), ROUNDS), " calls, "), each), " ns each");
  say(line);
  end(0, line);
}
