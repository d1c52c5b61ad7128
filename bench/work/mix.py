# What Python programs do: calls, objects, dictionaries, text, JSON, regular expressions, big loops.
import collections
import hashlib
import json
import re


class Point:
    __slots__ = ('x', 'y')

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def plus(self, other):
        return Point(self.x + other.x, self.y + other.y)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def objects(n):
    sum_ = Point(0, 0)
    for i in range(n):
        sum_ = sum_.plus(Point(i, i & 3))
    return sum_.x + sum_.y


def words(n):
    counts = collections.Counter('w%d' % (i * 7919 % 1000) for i in range(n))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3]


def documents(n):
    document = {'a': [1, 2, 3.5], 'b': {'c': 'x' * 20}}
    return sum(len(json.dumps(json.loads(json.dumps(document)))) for _ in range(n))


def matches(n):
    pattern, text = re.compile(r'(\w+)@(\w+)\.org'), 'some text and name@place.org, ' * 20
    return sum(len(pattern.findall(text)) for _ in range(n))


def primes(n):
    marks = bytearray([1]) * (n + 1)
    for i in range(2, int(n ** 0.5) + 1):
        if marks[i]:
            marks[i * i::i] = bytes(len(marks[i * i::i]))
    return sum(marks) - 2


print(fib(18), objects(40000), words(40000), documents(500), matches(200), primes(200000))
print(sum(i * i for i in range(150000)), hashlib.sha256(b'x' * 500000).hexdigest()[:8])
