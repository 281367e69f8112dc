"""Times PyTorch's draws, for the table of the benchmarks: as numpy_rows.py does, on one thread."""

import math
import statistics
import time

import torch

SIZE = 16384
REPETITIONS = 15

torch.set_num_threads(1)
torch.manual_seed(2021)


def measure(draw):
    """Median and best time of a number in ns."""
    draw()
    times = []
    for _ in range(REPETITIONS):
        begin = time.process_time()
        draw()
        times.append((time.process_time() - begin) / SIZE * 1e9)
    return statistics.median(times), min(times)


def literal_sum(k, terms, kind):
    """The sum that defines SoG(k, terms), by torch.distributions as I-MLE's reference does."""
    concentration = torch.tensor(1 / k, dtype=kind)
    total = torch.zeros(SIZE, dtype=kind)
    for i in range(1, terms + 1):
        rate = torch.tensor(i / k, dtype=kind)
        total += torch.distributions.Gamma(concentration, rate).sample((SIZE,))
    return (total - math.log(terms)) / k


def line(name, draw_of):
    times = [f"{ns:.4g}" for kind in (torch.float32, torch.float64) for ns in measure(lambda: draw_of(kind))]
    print("\t".join([name, *times]))


print(f"PyTorch {torch.__version__}")
distributions = torch.distributions
for name, law_of in (
    ("Gumbel", lambda one: distributions.Gumbel(0 * one, one)),
    ("Normal", lambda one: distributions.Normal(0 * one, one)),
    ("Gamma(2.5)", lambda one: distributions.Gamma(2.5 * one, one)),
    ("Gamma(0.05)", lambda one: distributions.Gamma(0.05 * one, one)),
):
    line(name, lambda kind: law_of(torch.tensor(1, dtype=kind)).sample((SIZE,)))
for terms in (10, 100):
    line(f"the literal sum, {terms} Gamma", lambda kind: literal_sum(20.8, terms, kind))
