# What Perl programs do: words counted, lines taken apart and put together, sorting, subroutines.
use strict;
use warnings;

my (%count, @lines);
for my $i (1 .. 60000) {
    push @lines, sprintf('%05d;name%d;%d.%d', $i * 7919 % 60000, $i % 977, $i % 13, $i % 7);
}
for my $line (@lines) {
    my ($key, $name, $number) = split /;/, $line;
    $count{$name} += $number;
    $count{length $key}++ if $line =~ /^(\d+);name(\d*7)\b/;
}
my @first = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 2];
my @sorted = sort { (split /;/, $a)[0] cmp (split /;/, $b)[0] } @lines[0 .. 8000];
sub ackermann { my ($m, $n) = @_; no warnings 'recursion'; $m == 0 ? $n + 1 : $n == 0 ? ackermann($m - 1, 1) : ackermann($m - 1, ackermann($m, $n - 1)) }
print join(' ', @first, $sorted[0], $sorted[-1], ackermann(2, 40)), "\n";
