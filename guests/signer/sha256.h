/* SHA-256 and HMAC, for the guest that has to sign for itself. FIPS 180-4, RFC 2104. Results are eight words of 32 bits, each in 64. */
static u32 fraction(u64 n, int cube) { /* the first 32 bits of the fraction of a root of n */
  u64 root = 0;
  for (u64 bit = 1ul << 37; bit; bit >>= 1) {
    u64 next = root | bit;
    unsigned __int128 power = (unsigned __int128)next * next; /* next < 2^38 */
    int fits = cube ? power * next <= (unsigned __int128)n << 96 : power <= (unsigned __int128)n << 64;
    if (fits) root = next;
  }
  return (u32)root;
}
static u32 start[8], rounds[64];
static void prepare(void) {
  int found = 0;
  for (u32 n = 2; found < 64; n++) {
    int prime = 1;
    for (u32 d = 2; d * d <= n; d++) if (n % d == 0) prime = 0;
    if (!prime) continue;
    if (found < 8) start[found] = fraction(n, 0);
    rounds[found++] = fraction(n, 1);
  }
}
static u32 turn(u32 x, int n) { return x >> n | x << (32 - n); }
static void compress(u32 *h, const u8 *block) {
  u32 w[64], s[8];
  for (int i = 0; i < 16; i++) w[i] = (u32)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
  for (int i = 16; i < 64; i++)
    w[i] = w[i - 16] + w[i - 7] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + (turn(w[i - 2], 17) ^ turn(w[i - 2],
      19) ^ w[i - 2] >> 10);
  for (int i = 0; i < 8; i++) s[i] = h[i];
  for (int i = 0; i < 64; i++) {
    u32 one = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + rounds[i] + w[i];
    u32 two = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    for (int j = 7; j > 0; j--) s[j] = s[j - 1];
    s[4] += one, s[0] = one + two;
  }
  for (int i = 0; i < 8; i++) h[i] += s[i];
}
/* A block of the key, then up to 47 bytes: all that is needed here. */
static void hash_after(const u8 *first, const u8 *message, u64 n, u32 *h) {
  u8 block[64];
  for (int i = 0; i < 8; i++) h[i] = start[i];
  compress(h, first);
  for (u64 i = 0; i < 64; i++) block[i] = i < n ? message[i] : i == n ? 0x80 : 0;
  u64 bits = (64 + n) * 8;
  block[62] = bits >> 8, block[63] = bits;
  compress(h, block);
}
static void hmac(const u8 *key_bytes, u64 key_length, const u8 *message, u64 n, u64 *words) {
  u8 inner[64], outer[64], middle_bytes[32];
  u32 h[8];
  prepare();
  for (u64 i = 0; i < 64; i++) { u8 k = i < key_length ? key_bytes[i] : 0; inner[i] = k ^ 0x36, outer[i] = k ^ 0x5c; }
  hash_after(inner, message, n, h);
  for (int i = 0; i < 32; i++) middle_bytes[i] = h[i / 4] >> (24 - 8 * (i % 4));
  hash_after(outer, middle_bytes, 32, h);
  for (int i = 0; i < 8; i++) words[i] = h[i];
}
