/*
 * intmix [N]: N rounds (4,000) of what small control programs do: a linked list sorted and searched, a small integer matrix, a state
 * machine over text, a CRC over all of it.
 */
#include "std.h"
#define NODES 64
#define DIM 12
struct node { struct node *next; int key, value; };
static struct node nodes[NODES];
static int a[DIM][DIM], b[DIM][DIM], c[DIM][DIM];
static const char text[] = "5012,0x1f,-874,+122,1.5e-3,-.123,ok,T0.3e-1F,7,,+0.006,1e+2,xyz,-32768,\n";

static u32 crc(u32 data, u32 sum) {
  for (int i = 0; i < 16; i++) {
    u32 bit = (data ^ sum) & 1;
    data >>= 1; sum >>= 1;
    if (bit) sum ^= 0xa001;
  }
  return sum;
}
static struct node *sorted(struct node *list) { /* insertion sort by key */
  struct node *out = 0;
  while (list) {
    struct node *n = list, **at = &out;
    list = list->next;
    while (*at && (*at)->key < n->key) at = &(*at)->next;
    n->next = *at;
    *at = n;
  }
  return out;
}
static u32 lists(u32 seed) {
  for (int i = 0; i < NODES; i++) {
    seed = seed * 1103515245u + 12345u;
    nodes[i].key = (int)(seed >> 16 & 1023); nodes[i].value = i; nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : 0;
  }
  u32 sum = 0;
  struct node *list = sorted(nodes);
  for (int find = 0; find < 1024; find += 37)
    for (struct node *n = list; n; n = n->next) if (n->key >= find) { sum += (u32)n->value; break; }
  return sum;
}
static u32 matrices(int k) {
  for (int i = 0; i < DIM; i++) for (int j = 0; j < DIM; j++) a[i][j] = i * j + k, b[i][j] = i - j * k;
  u32 sum = 0;
  for (int i = 0; i < DIM; i++)
    for (int j = 0; j < DIM; j++) {
      int s = 0;
      for (int n = 0; n < DIM; n++) s += a[i][n] * b[n][j];
      c[i][j] = s;
      sum += (u32)(s >> 3) & 0xff;
    }
  return sum;
}
enum { START, NUMBER, FRACTION, EXPONENT, WORD, STATES };
static u32 states(void) {
  u32 count[STATES] = {0}, state = START;
  for (const char *p = text; *p; p++) {
    char ch = *p;
    switch (state) {
      case START: state = ch >= '0' && ch <= '9' ? NUMBER : ch == '+' || ch == '-' ? NUMBER : ch == '.' ? FRACTION : ch == ',' ? START
        : WORD; break;
      case NUMBER: state = ch == '.' ? FRACTION : ch == 'e' ? EXPONENT : ch == ',' ? START : ch >= '0' && ch <= '9' ? NUMBER : WORD; break;
      case FRACTION: state = ch == 'e' ? EXPONENT : ch == ',' ? START : FRACTION; break;
      default: if (ch == ',') state = START;
    }
    count[state]++;
  }
  return count[NUMBER] * 31 + count[FRACTION] * 17 + count[EXPONENT] * 7 + count[WORD];
}
int main(int argc, char **argv) {
  i64 n = argc > 1 ? number(argv[1]) : 4000;
  u32 sum = 0xffff;
  u64 start = now();
  for (i64 i = 0; i < n; i++) {
    sum = crc(lists((u32)i ^ sum), sum);
    sum = crc(matrices((int)(i & 7)), sum);
    sum = crc(states(), sum);
  }
  print("intmix: %d rounds, crc %d, %d us\n", n, (i64)sum, (now() - start) / 1000);
  return 0;
}
