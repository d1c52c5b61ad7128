/* A call of the firmware (SBI): extension in a7, function in a6; it returns an error in a0 and a value in a1. */
#ifndef SBI_H
#define SBI_H
struct sbi_result { unsigned long error, value; };

__attribute__((unused)) static struct sbi_result sbi_call(unsigned long extension, unsigned long function, unsigned long a, unsigned long b,
    unsigned long c) {
  register unsigned long a0 __asm__("a0") = a;
  register unsigned long a1 __asm__("a1") = b;
  register unsigned long a2 __asm__("a2") = c;
  register unsigned long a6 __asm__("a6") = function;
  register unsigned long a7 __asm__("a7") = extension;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
  return (struct sbi_result){a0, a1};
}
#endif
