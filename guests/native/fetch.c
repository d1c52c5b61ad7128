/*
 * A native program that fetches pages of a web server through the network stack of a Unix server, and notes each in a file of that server.
 * It does not trust the Unix server: it checks the sum of each page, and survives errors of the server.
 */
#include "tessera.h"
#include "toolbox.h"

enum { PAGES = 20, PORT = 80, PAGE_MOST = 4096, PAUSE_NS = 1000000, TRIES = 400, O_CREATE_WRITE = 0101, O_READ = 0 };
static struct gate tcp, files;
static char page[PAGE_MOST];
static u64 failures, last_failure;

/* One page into `page`. Its length, 0 when something failed; `status` says what. */
static u64 fetch(u64 *status) {
  static const char request[] = "GET / HTTP/1.0\r\n\r\n";
  u64 handle, length = 0, got;
  if ((*status = tcp_connect(&tcp, ip4(10, 0, 0, 1), PORT, &handle)) != OK) return 0;
  if ((*status = tcp_send(&tcp, handle, request, sizeof request - 1)) != OK) return 0;
  do {
    if ((*status = tcp_receive(&tcp, handle, page + length, PAGE_MOST - length, &got)) != OK) return 0;
    length += got;
  } while (got > 0 && length < PAGE_MOST);
  tcp_close(&tcp, handle);
  return length;
}
/* Whether the page is what its header says. */
static int is_whole(u64 length) {
  u64 at = 0, said = 0, sum = 14695981039346656037ul;
  while (at + 4 <= length && !(page[at] == '\r' && page[at + 1] == '\n' && page[at + 2] == '\r' && page[at + 3] == '\n')) at++;
  if (at < 16 || length - at - 4 != 3000) return 0;
  for (u64 i = at - 16; i < at; i++) said = said << 4 | (page[i] <= '9' ? page[i] - '0' : page[i] - 'a' + 10);
  for (u64 i = at + 4; i < length; i++) sum = (sum ^ (u8)page[i]) * 1099511628211ul;
  return sum == said;
}
/* A note on the page, in the server's own file. */
static void note(u64 number) {
  u64 handle;
  if (files_open(&files, "/notes", O_CREATE_WRITE, &handle) != OK) return;
  u64 end_of_file = files.utcb->words[1];
  char line[] = "page 00\n";
  line[5] += number / 10, line[6] += number % 10;
  files_write(&files, handle, end_of_file, line, 8);
  files_close(&files, handle);
}
static u64 count_notes(void) {
  u64 handle, got, all = 0;
  if (files_open(&files, "/notes", O_READ, &handle) != OK) return 0;
  while (files_read(&files, handle, all, page, PAGE_MOST, &got) == OK && got > 0) all += got;
  files_close(&files, handle);
  return all / 8;
}
static void say(const char *a, u64 n, const char *b) { print(a); print_number(n, 10); print(b); }

void main(const struct info *info) {
  begin(info);
  gate_of(&tcp, self.utcb, find("tcp"));
  gate_of(&files, self.utcb, find("files"));
  u64 fetched = 0, wrong = 0;
  for (u64 tries = 0; fetched < PAGES && tries < TRIES; tries++) {
    u64 status, length = fetch(&status);
    if (length == 0) {
      failures++;
      if (status != last_failure) say("the server failed me: ", status, status == DEAD ? " (dead)\n" : "\n");
      last_failure = status;
      ipc(RECEIVE, 0, PAUSE_NS);
      continue;
    }
    if (!is_whole(length)) wrong++;
    else { fetched++; note(fetched); }
    ipc(RECEIVE, 0, PAUSE_NS);
  }
  say("", fetched, " pages fetched through a server that I do not trust, ");
  say("", wrong, " of them not as they should be\n");
  say("failed requests: ", failures, "\n");
  say("notes that are still in its file: ", count_notes(), "\n");
  end(fetched == PAGES && wrong == 0 ? 0 : 1, fetched == PAGES ? "all pages fetched" : "some pages could not be fetched");
}
