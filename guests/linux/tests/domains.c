/*
 * domains: processes of several Unix servers, one for each security domain. They share nothing but a monitor that passes letters on
 * according to a policy.
 *   domains red | green | black
 */
#include "std.h"
#include "mail.h"

enum { RED, GREEN, BLACK, DOMAINS, TRIES = 60 };
static const char *const names[] = {"red", "green", "black"};
static struct gate mail;
static char text[MAIL_MOST + 1];

static void send(u64 to, const char *letter) {
  i64 status = mail_send(&mail, to, letter);
  print("to %s: \"%s\": %s\n", names[to], letter, status == OK ? "sent" : status == MAIL_REFUSED ? "the monitor refuses" : "failed");
}
/* Waits for letters for a while and prints each; the last one stays in `text`. */
static int wait_for(int wanted) {
  int got = 0;
  for (int i = 0; i < TRIES && got < wanted; i++) {
    u64 from;
    if (mail_take(&mail, &from, text) != OK) { sys_nanosleep(0, 1000000); continue; }
    print("from %s: \"%s\"\n", from < DOMAINS ? names[from] : "nobody", text);
    got++;
  }
  return got;
}
/* Makes a file; a domain sees its own file and no other domain's. */
static void own_files(const char *me) {
  char path[32] = "/";
  int others = 0;
  for (int i = 0; i < DOMAINS; i++) {
    struct stat st;
    memcpy(path + 1, names[i], strlen(names[i]) + 1);
    if (strcmp(names[i], me) == 0) sys_close(sys_open(path, O_CREAT | O_WRONLY, 0600));
    else others += sys_stat(path, &st, 0) == 0;
  }
  print("files of other domains here: %d\n", others);
}

int main(int argc, char **argv) {
  const char *me = argc > 1 ? argv[1] : "red";
  i64 failed = gate_open(&mail, "mail");
  if (failed) { complain("domains: /dev/l4/mail: %s\n", why(failed)); quit(1); }
  own_files(me);
  if (strcmp(me, "red") == 0) {
    send(GREEN, "three crates, and the secret is 4711");
    send(BLACK, "the secret is 4711");
    wait_for(1);
  } else if (strcmp(me, "green") == 0) {
    if (wait_for(1)) send(BLACK, "three crates");
    send(RED, "received");
  } else {
    wait_for(2);
    send(RED, "what is the secret?");
    send(GREEN, "what is the secret?");
  }
  own_files(me);
  quit(0);
}
