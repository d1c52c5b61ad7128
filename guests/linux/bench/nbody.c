/* nbody [N]: N steps (100,000) of five bodies under gravity, in double precision; the energy tells that it is right. */
#include "std.h"
static double squareRoot(double x) {
#ifdef __riscv
  double r;
  __asm__("fsqrt.d %0, %1" : "=f"(r) : "f"(x));
  return r;
#else
  return __builtin_sqrt(x);
#endif
}
struct body { double x, y, z, vx, vy, vz, mass; };
static struct body s[5] = {
  {0, 0, 0, 0, 0, 0, 39.47841760435743},
  {4.84143144246472090, -1.16032004402742839, -0.103622044471123109, 0.606326392995832, 2.81198684491626, -0.02521836165988763,
    0.03769367487038949},
  {8.34336671824457987, 4.12479856412430479, -0.403523417114321381, -1.01077434617879, 1.82566237123041, 0.008415761376584154,
    0.011286326131968767},
  {12.8943695621391310, -15.1111514016986312, -0.223307578892655734, 1.08279100644154, 0.868713018169608, -0.010832637401363636,
    0.0017237240570597112},
  {15.3796971148509165, -25.9193146099879641, 0.179258772950371181, 0.979090732243898, 0.594698998647676, -0.034755955504078104,
    0.0020336868699246304}};
static void step(double dt) {
  for (int i = 0; i < 5; i++)
    for (int j = i + 1; j < 5; j++) {
      double dx = s[i].x - s[j].x, dy = s[i].y - s[j].y, dz = s[i].z - s[j].z, d2 = dx * dx + dy * dy + dz * dz,
        m = dt / (d2 * squareRoot(d2));
      s[i].vx -= dx * s[j].mass * m; s[i].vy -= dy * s[j].mass * m; s[i].vz -= dz * s[j].mass * m;
      s[j].vx += dx * s[i].mass * m; s[j].vy += dy * s[i].mass * m; s[j].vz += dz * s[i].mass * m;
    }
  for (int i = 0; i < 5; i++) s[i].x += dt * s[i].vx, s[i].y += dt * s[i].vy, s[i].z += dt * s[i].vz;
}
static double energy(void) {
  double e = 0;
  for (int i = 0; i < 5; i++) {
    e += 0.5 * s[i].mass * (s[i].vx * s[i].vx + s[i].vy * s[i].vy + s[i].vz * s[i].vz);
    for (int j = i + 1; j < 5; j++) {
      double dx = s[i].x - s[j].x, dy = s[i].y - s[j].y, dz = s[i].z - s[j].z;
      e -= s[i].mass * s[j].mass / squareRoot(dx * dx + dy * dy + dz * dz);
    }
  }
  return e;
}
int main(int argc, char **argv) {
  i64 n = argc > 1 ? number(argv[1]) : 100000;
  u64 start = now();
  for (i64 i = 0; i < n; i++) step(0.001);
  print("nbody: %d steps, energy %d e-9, %d us\n", n, (i64)(energy() * 1e9), (now() - start) / 1000);
  return 0;
}
