# What our small shell can do; shell.expected is what real Linux answers.
echo hello "a  b" 'c $x' $?
X=5; echo $X ${X} ${Y:-def} "$X$X"
for i in 1 2 3; do echo $i; done | sort -r | tr 1-3 a-c
if [ $X -eq 5 ]; then echo yes; else echo no; fi
if false; then echo a; elif true; then echo elif; fi
seq 10 | wc -l > /tmp/o; cat < /tmp/o
echo more >> /tmp/o; cat /tmp/o
i=0; while [ $i != xxx ]; do i=x$i; [ $i = xx0 ] && break; done; echo $i
(cd /tmp; pwd); cd /bin; pwd
echo $(echo a b | tr a-b x-y) "$(seq 3)"
false || echo or; true && echo and; ! true || echo not
nosuch 2>/dev/null; echo status $?
cat /nosuch 2>/dev/null; echo $?
{ echo one; echo two; } > /tmp/g; wc /tmp/g
sh -c 'exit 7'; echo $?
sh -c 'echo $0 $1 $#' name arg
echo abc | while read x; do echo "got $x"; done
for i in a b; do for j in 1 2; do [ $j = 2 ] && continue; echo $i$j; done; done
FOO=bar env | grep FOO; echo "x$FOO"
(sh -c 'kill -15 $$'; echo $?) 2>/dev/null
spin & 
ps | grep spin | wc -l; kill $!; wait $!; echo killed $?
seq 1000 | cat | cat | cat | cat | wc -l
seq 100 | sort -rn | head -n 2
mkdir /tmp/d; echo x > /tmp/d/f; ls /tmp/d; rm /tmp/d/f; ls /tmp/d
forktest 2; pipetest 64; sigtest
