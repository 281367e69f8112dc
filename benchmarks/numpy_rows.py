"""Times numpy's draws, for the table of the benchmarks.

Prints what benchmarks/outside.hpp reads: a title, then name, median and best time of a float and of a double in ns,
separated by tabs.
"""

import math
import statistics
import time

import numpy

SIZE = 16384
REPETITIONS = 15
SECONDS = 0.02

random = numpy.random.default_rng(2021)
buffers = {kind: numpy.empty(SIZE, dtype=kind) for kind in (numpy.float32, numpy.float64)}


def measure(draw, size):
    """Median and best time of a number in ns, over repetitions of about `SECONDS`."""
    begin = time.process_time()
    draw()
    calls = max(1, int(SECONDS / max(time.process_time() - begin, 1e-7)))
    times = []
    for _ in range(REPETITIONS):
        begin = time.process_time()
        for _ in range(calls):
            draw()
        times.append((time.process_time() - begin) / (calls * size) * 1e9)
    return statistics.median(times), min(times)


def literal_sum(k, terms, size):
    """The sum that defines SoG(k, terms)."""
    total = numpy.zeros(size)
    for i in range(1, terms + 1):
        total += random.gamma(1 / k, k / i, size)
    return (total - math.log(terms)) / k


def line(name, float_draw, double_draw, size=SIZE):
    fields = [name]
    for draw in (float_draw, double_draw):
        fields += ["-", "-"] if draw is None else [f"{ns:.4g}" for ns in measure(draw, size)]
    print("\t".join(fields))


def line_into(name, method, *arguments):
    """A method that draws both types, into an array that is there."""
    line(
        name,
        *(
            lambda kind=kind: method(*arguments, dtype=kind, out=buffers[kind])
            for kind in (numpy.float32, numpy.float64)
        ),
    )


print(f"numpy {numpy.__version__}, PCG64")
line_into("random", random.random)
line("gumbel", None, lambda: random.gumbel(size=SIZE))
line_into("standard_normal", random.standard_normal)
line("logistic", None, lambda: random.logistic(size=SIZE))
line("laplace", None, lambda: random.laplace(size=SIZE))
line_into("standard_exponential", lambda dtype, out: random.standard_exponential(dtype=dtype, out=out))
line_into("standard_gamma(2.5)", random.standard_gamma, 2.5)
line_into("standard_gamma(0.05)", random.standard_gamma, 0.05)
shapes = 0.1 * 100 ** random.random(SIZE)
line("gamma, each its own shape in 0.1 to 10", None, lambda: random.gamma(shapes, 1.0))
for terms in (10, 100):
    line(f"the literal sum, {terms} gamma", None, lambda: literal_sum(20.8, terms, SIZE))
