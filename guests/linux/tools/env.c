/* env: the environment, one variable a line. */
#include "std.h"
int main(void) { for (char **e = environ; *e; e++) print("%s\n", *e); return 0; }
