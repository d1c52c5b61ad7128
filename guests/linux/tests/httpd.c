/*
 * httpd [PORT [MS]]: a small web server that takes MS milliseconds for a page. Each page contains its length and a sum of its bytes, so
 * that a client can check it without trusting the network stack that carried it.
 */
#include "std.h"

enum { SYS_socket = 198, SYS_bind = 200, SYS_listen = 201, SYS_accept = 202, BODY = 3000 };
struct address { u16 family, port; u32 ip; u64 zero; };

static char body[BODY + 1], head[160];

int main(int argc, char **argv) {
  u64 port = argc > 1 ? number(argv[1]) : 80, ms = argc > 2 ? number(argv[2]) : 0, sum = 14695981039346656037ul;
  struct address at = {2, (u16)(port >> 8 | port << 8), 0, 0};
  for (int i = 0; i < BODY; i++) {
    body[i] = i % 60 == 59 ? '\n' : 'a' + i * 7 % 26;
    sum = (sum ^ (u8)body[i]) * 1099511628211ul;
  }
  char *to = head;
  const char *start = "HTTP/1.0 200 OK\r\nContent-Length: 3000\r\nX-Sum: ";
  while (*start) *to++ = *start++;
  for (int i = 60; i >= 0; i -= 4) *to++ = "0123456789abcdef"[sum >> i & 15];
  memcpy(to, "\r\n\r\n", 4);
  int listener = CALL3(SYS_socket, 2, 1, 0);
  if (CALL3(SYS_bind, listener, &at, 16) || CALL2(SYS_listen, listener, 8)) { complain("httpd: cannot listen\n"); quit(1); }
  print("httpd: listening on port %d\n", port);
  flush();
  for (;;) {
    char request[256];
    int c = CALL3(SYS_accept, listener, 0, 0);
    if (c < 0) continue;
    if (sys_read(c, request, sizeof request) > 0) { sys_nanosleep(0, (i64)ms * 1000000); write_all(c, head, to + 4 - head);
      write_all(c, body, BODY); }
    sys_close(c);
  }
}
