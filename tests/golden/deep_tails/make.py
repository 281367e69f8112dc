#!/usr/bin/env python3
"""Writes deep_tails.csv: distribution functions and densities of the noise laws, to 20 digits, far out.

    apt-get install python3-mpmath      # 1.2 or later; nothing else
    python3 make.py                     # a few minutes

Nothing here is taken from the library. Every value is computed at 60 digits by two different ways, which must
agree to 25 digits, or the script stops:

sum of gamma, any k and number of terms m
    The inversion integral of its transform by the trapezoidal rule on a hyperbola, on two hyperbolas of
    different crossing, width and bend. Each halving of the step must confirm the last.
    In the upper tail with k > 1 also the real integral along the branch cut: with j(t) the number of i < t,
        1 - F = 1/pi * integral over t > 1 of exp(-t y) / t * sin(pi j(t) / k) * product of |1 - t/i|^(-1/k).
sum of gamma in closed form
    k = 1: the maximum of m exponential numbers, F = (1 - exp(-x) / m)^m, and Gumbel for m infinite.
    m = 1: Gamma(1/k, 1), the incomplete gamma function.
    k = 1/2: partial fractions, all poles being double.
gamma
    The incomplete gamma function of mpmath, and its density integrated by tanh-sinh quadrature.
normal
    erfc, and its density integrated likewise.
gumbel
    Its closed form, and the inversion of Gamma(1 + q).

x is always a double, printed with the 17 digits that name it; the values are those at exactly that double.
"""

import multiprocessing
import os
import struct

from mpmath import mp, mpc, mpf

DIGITS = 60
AGREE = mpf(10) ** -25
mp.dps = DIGITS

INFINITE = 0


# -- sum of gamma by its transform ---------------------------------------------------------------------------


class SumOfGamma:
    """SoG(k, m), m = 0 standing for infinitely many terms. k is given as the double that C++ has."""

    def __init__(self, k, m):
        self.k, self.m = mpf(k), m
        self.bound = -mp.inf if m == INFINITE else -mp.log(m) / self.k

    def log_transform(self, q):
        """log E exp(-q y), y = x - bound; y = x with infinitely many terms."""
        if self.m == INFINITE:
            return mp.loggamma(1 + q) / self.k
        if self.m <= 10:
            # Each factor's argument is below pi, so the sum of principal logarithms is the right branch.
            return -mp.fsum(mp.log(1 + q / i) for i in range(1, self.m + 1)) / self.k
        total = mp.loggamma(1 + self.m + q) - mp.loggamma(1 + q) - mp.loggamma(1 + self.m)
        return -total / self.k

    def slope_and_curvature(self, q):
        if self.m == INFINITE:
            return mp.psi(0, 1 + q) / self.k, mp.psi(1, 1 + q) / self.k
        return (
            -(mp.psi(0, 1 + self.m + q) - mp.psi(0, 1 + q)) / self.k,
            -(mp.psi(1, 1 + self.m + q) - mp.psi(1, 1 + q)) / self.k,
        )

    def crossing(self, y, upper):
        """The saddle point of exp(q y) E exp(-q y) / q on one side of the pole at 0, to a few digits."""

        def slope(q):
            own = y + self.slope_and_curvature(q)[0] - 1 / q
            return own - 1 / (1 + q) if upper else own

        if upper:
            low, high = mpf(-120), mpf(30)
            at = lambda s: -1 / (1 + mp.exp(-s))
            for _ in range(24):
                s = (low + high) / 2
                if slope(at(s)) > 0:
                    low = s
                else:
                    high = s
            return at((low + high) / 2)
        low, high = mpf(-300), mpf(300)
        for _ in range(26):
            s = (low + high) / 2
            if slope(mp.exp(s)) > 0:
                high = s
            else:
                low = s
        return mp.exp((low + high) / 2)

    def integral(self, y, upper, moved, widened, bend, digits):
        """(probability of the tail, density) on q(t) = c + w (bend (1 - cosh t) + i sinh t)."""
        with mp.workdps(15):
            c = self.crossing(y, upper)
            curvature = self.slope_and_curvature(c)[1] + 1 / c**2
            if upper:
                curvature += 1 / (1 + c) ** 2
            w = widened / mp.sqrt(curvature)
            c = c * moved if not upper else -1 / (1 + (-1 / c - 1) * moved)
        c, w = mpf(c), mpf(w)
        top = self.log_transform(c) + c * y
        sign = -1 if upper else 1

        def nodes(start, step):
            probability, density, t, small = mpf(0), mpf(0), start, 0
            while small < 3:
                ch, sh = mp.cosh(t), mp.sinh(t)
                q = mpc(c + w * bend * (1 - ch), w * sh)
                dq = mpc(-w * bend * sh, w * ch)
                if t == 0:
                    dq /= 2
                value = mp.exp(self.log_transform(q) + q * y - top) * dq
                probability += (value / q).imag
                density += value.imag
                tiny = mpf(10) ** -(digits + 5)
                small = small + 1 if abs(value) < tiny * w and abs(value / q) < tiny * w / abs(c) else 0
                t += step
            return probability, density

        with mp.workdps(digits + 15):
            step = mpf(1) / 8
            probability, density = nodes(mpf(0), step)
            last = None
            while True:
                more = nodes(step / 2, step)
                probability, density, step = probability + more[0], density + more[1], step / 2
                now = (probability * step, density * step)
                # Few digits are for a search that asks for the probability alone.
                compared = zip(now, last or now) if digits > 10 else [(now[0], (last or now)[0])]
                if last and all(abs(a / b - 1) < mpf(10) ** -(digits // 2 + 3) for a, b in compared):
                    break
                if step < mpf(1) / 4000:
                    raise ArithmeticError("no convergence at k %s m %s y %s" % (self.k, self.m, y))
                last = now
            return (
                sign * now[0] * mp.exp(top) / mp.pi,
                now[1] * mp.exp(top) / mp.pi,
            )

    def by_contour(self, y, upper, moved=1, widened=1, bend=None, digits=40):
        if bend is None:
            # exp(q y) falls to the left where y is positive. Where it is not, the transform (of infinitely
            # many terms) falls along the vertical.
            bend = mpf(1) if self.m != INFINITE or y > 0 else mpf(0)
        return self.integral(y, upper, mpf(moved), mpf(widened), mpf(bend), digits)

    def by_branch_cut(self, y):
        """1 - F. For k > 1, where the singularities at t = i are integrable, and far out, where exp(-t y)
        cuts the integral short."""
        last = 1
        while True:
            last += 1
            size = -last * y
            if self.m == INFINITE:
                size -= mp.loggamma(last) / self.k
            if size < -120:
                break
        total = mpf(0)
        for j in range(1, last + 1):
            turns = j if self.m == INFINITE else min(j, self.m)
            phase = mp.sin(mp.pi * turns / self.k)

            def part(n, d):
                # t = n + d, d being small: Gamma(1 - t) by reflection, or the product of the factors.
                t = n + d
                if self.m != INFINITE and self.m <= 10:
                    size = mp.fprod(abs(d) / i if i == n else abs(1 - t / i) for i in range(1, self.m + 1))
                    size = size ** (-1 / self.k)
                else:
                    log_size = mp.log(mp.pi / abs(mp.sinpi(d))) - mp.loggamma(t)
                    if self.m != INFINITE:
                        log_size += mp.loggamma(1 + self.m) - mp.loggamma(1 + self.m - t)
                    size = mp.exp(log_size / self.k)
                return mp.exp(-t * y) / t * size

            # d = s^power takes the roots out of both ends.
            power = int(mp.ceil(6 / (1 - 1 / self.k)))
            half = (mpf(1) / 2) ** (mpf(1) / power)
            left = mp.quad(lambda s: part(j, s**power) * power * s ** (power - 1), [0, half])
            right = mp.quad(lambda s: part(j + 1, -(s**power)) * power * s ** (power - 1), [0, half])
            total += phase * (left + right)
        return total / mp.pi


# -- closed forms: (F, 1 - F, f) -----------------------------------------------------------------------------


def maximum_of_exponentials(m, x):
    if m == INFINITE:
        e = mp.exp(-x)
        return mp.exp(-e), -mp.expm1(-e), mp.exp(-x - e)
    below = 1 - mp.exp(-x) / m
    return below**m, -mp.expm1(m * mp.log(below)), mp.exp(-x) * below ** (m - 1)


def gamma_law(shape, x):
    density = mp.exp((shape - 1) * mp.log(x) - x - mp.loggamma(shape))
    lower = mp.gammainc(shape, 0, x, regularized=True)
    upper = mp.gammainc(shape, x, mp.inf, regularized=True)
    # mpmath may take one as 1 minus the other: twice the digits for the smaller.
    with mp.workdps(3 * DIGITS):
        if lower < upper:
            lower = mp.gammainc(shape, 0, x, regularized=True)
            upper = 1 - lower
        else:
            upper = mp.gammainc(shape, x, mp.inf, regularized=True)
            lower = 1 - upper
    return lower, upper, density


def partial_fractions(m, y):
    """k = 1/2: y is the sum of Gamma(2, rate i), i = 1..m, with the density
    sum over i of i^2 A_i (y + D_i) exp(-i y)."""
    with mp.workdps(4 * DIGITS):
        upper, density = mpf(0), mpf(0)
        for i in range(1, m + 1):
            a = mp.fprod((mpf(j) / (j - i)) ** 2 for j in range(1, m + 1) if j != i)
            d = -2 * mp.fsum(mpf(1) / (j - i) for j in range(1, m + 1) if j != i)
            e = mp.exp(-i * y)
            density += i * i * a * (y + d) * e
            upper += a * (i * (y + d) + 1) * e
        return 1 - upper, upper, density


def integrated(density, start, end, x):
    """(F, 1 - F, f): the smaller of the two by quadrature, in pieces each of which is smooth."""

    def pieces(a, b):
        return mp.quad(density, [a + (b - a) * mpf(i) / 24 for i in range(25)])

    lower, upper = pieces(start, x), pieces(x, end)
    if lower < upper:
        upper = 1 - lower
    else:
        lower = 1 - upper
    return lower, upper, density(x)


def normal_law(x):
    return (
        mp.erfc(-x / mp.sqrt(2)) / 2,
        mp.erfc(x / mp.sqrt(2)) / 2,
        mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi),
    )


# -- the laws of the table: functions from a double x to lists of (way, F, 1 - F, f), None where not known ---


def sum_of_gamma_ways(k, m, x):
    law = SumOfGamma(k, m)
    mean_side = x > (mp.euler if m == INFINITE else mp.harmonic(m) - mp.log(m)) / law.k
    y = x if m == INFINITE else x - law.bound
    ways = []
    for name, moved, widened, bend in (("contour", 1, 1, None), ("second contour", "0.83", "0.8", None)):
        p, f = law.by_contour(y, mean_side, moved, widened, bend)
        ways.append((name, 1 - p, p, f) if mean_side else (name, p, 1 - p, f))
    if law.k > 1 and mean_side and ways[0][2] < mpf("1e-5") and law.k < 1000:
        p = law.by_branch_cut(y)
        ways.append(("branch cut", 1 - p, p, None))
    if law.k == 1:
        ways.insert(0, ("closed form",) + maximum_of_exponentials(m, x))
    if m == 1:
        ways.insert(0, ("incomplete gamma",) + gamma_law(1 / law.k, x))
    if law.k == mpf(1) / 2 and m != INFINITE:
        ways.insert(0, ("partial fractions",) + partial_fractions(m, y))
    return ways


def gamma_ways(shape, x):
    shape = mpf(shape)
    # Integrated in v = log x, from where the power of x has fallen to 1e-70 of its value at x.
    log_density = lambda v: mp.exp(shape * v - mp.exp(v) - mp.loggamma(shape))
    lower, upper, f = integrated(
        log_density, mp.log(x) - 160 / shape, mp.log(x + 170 + 20 * mp.sqrt(shape)), mp.log(x)
    )
    return [("incomplete gamma",) + gamma_law(shape, x), ("quadrature", lower, upper, f / x)]


def normal_ways(x):
    density = lambda z: mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)
    return [("erfc",) + normal_law(x), ("quadrature",) + integrated(density, mpf(-22), mpf(22), x)]


def gumbel_ways(x):
    return sum_of_gamma_ways(1, INFINITE, x)


# -- where ---------------------------------------------------------------------------------------------------

LEVELS = ["1e-12", "1e-9", "1e-7", "1e-4", "0.01", "0.2", "0.5"]


def nearest_double(x):
    return float(mp.nstr(x, 25))


def ulp(x):
    bits = struct.unpack("<q", struct.pack("<d", abs(x)))[0]
    return struct.unpack("<d", struct.pack("<q", bits + 1))[0] - abs(x)


def root(function, level, low, high, rising):
    """x with function(x) = level, to a few digits, for an increasing (rising) or decreasing function."""
    with mp.workdps(20):
        for _ in range(200):
            middle = (low + high) / 2
            if (function(middle) < level) == rising:
                low = middle
            else:
                high = middle
            if abs(high - low) < mpf("1e-7") * max(abs(middle), mpf("1e-3")):
                break
        return (low + high) / 2


def places(tail, from_place, low, high):
    """The doubles where a tail is about each level. `tail(upper, place)`; `from_place` gives x."""
    found = []
    for upper in (False, True):
        for level in LEVELS:
            if upper and level == "0.5":
                continue
            place = root(lambda v: tail(upper, v), mpf(level), mpf(low), mpf(high), not upper)
            found.append(nearest_double(from_place(place)))
    return found


def sum_of_gamma_places(k, m):
    law = SumOfGamma(k, m)

    def tail(upper, y):
        # While it is not small the upper tail is the lower one's complement.
        if upper:
            p = 1 - law.by_contour(y, False, digits=6)[0]
            if p > mpf("1e-3"):
                return p
        return law.by_contour(y, upper, digits=6)[0]

    with mp.workdps(20):
        # Far below 0 the law is as exp(-exp(-k x) / k), or lighter.
        lowest = -(mp.log(30 * law.k) + 1) / law.k
        if m == INFINITE:
            return places(tail, lambda x: x, lowest, 40)
        # With one term the bound is 0, next to which doubles are as small as one likes.
        smallest = max(-40 * law.k / m, -300 if m == 1 else -80) - mp.log(m)
        if lowest > law.bound:
            smallest = max(smallest, mp.log(lowest - law.bound))
        return places(
            lambda upper, v: tail(upper, mp.exp(v)),
            lambda v: mp.exp(v) + law.bound,
            smallest,
            mp.log(40 + mp.log(m)),
        )


def sum_of_gamma_job(k, m):
    law = SumOfGamma(float(k), m)

    def xs():
        found = sum_of_gamma_places(float(k), m)
        if 1 < m < law.k:  # singular: close to the bound, as far as doubles can tell
            found += [nearest_double(law.bound + mpf(10) ** -i) for i in range(2, 13, 2)]
        # The double nearest to an x next to the bound does not know its distance from the bound.
        return [x for x in found if m == INFINITE or x - law.bound > mpf(10) ** 6 * ulp(x)]

    return "sum_of_gamma", k, str(m), xs, lambda x: sum_of_gamma_ways(float(k), m, x)


def gamma_job(shape):
    s = mpf(float(shape))

    def xs():
        return places(lambda upper, v: gamma_law(s, mp.exp(v))[upper], mp.exp, -40 / s, mp.log(s + 200))

    return "gamma", shape, "1", xs, lambda x: gamma_ways(s, x)


JOBS = [
    sum_of_gamma_job(k, m)
    for k, m in (
        ("20.8", 100), ("0.5", 10), ("300", 2), ("5", 1), ("30", 10000),
        ("1", INFINITE), ("20.8", INFINITE), ("300", INFINITE),
        ("1", 1), ("1", 2), ("1", 10), ("1", 100), ("1", 10000), ("1", 2**40),
    )
]
JOBS += [gamma_job(shape) for shape in ("0.05", "0.5", "2.5", "100")]
JOBS += [
    (
        "normal", "0", "1",
        lambda: places(lambda upper, x: normal_law(x)[upper], lambda x: x, -12, 12),
        normal_ways,
    ),
    (
        "gumbel", "0", "1",
        lambda: places(lambda upper, x: maximum_of_exponentials(INFINITE, x)[upper], lambda x: x, -5, 60),
        gumbel_ways,
    ),
]


def lines(number):
    law, a, b, xs, ways_at = JOBS[number]
    found = []
    for x in dict.fromkeys(xs()):
        ways = ways_at(mpf(x))
        first = ways[0]
        for other in ways[1:]:
            for mine, theirs in zip(first[1:], other[1:]):
                if theirs is not None and abs(mine / theirs - 1) > AGREE:
                    raise ArithmeticError(
                        "%s %s %s at %r: %s %s, %s %s"
                        % (law, a, b, x, first[0], mp.nstr(mine, 30), other[0], mp.nstr(theirs, 30))
                    )
        values = [mp.nstr(v, 20, min_fixed=0, max_fixed=0) for v in first[1:]]
        found.append(",".join([law, a, b, repr(x)] + values + [" = ".join(w[0] for w in ways)]))
    print(law, a, b, flush=True)
    return found


def main():
    with multiprocessing.get_context("fork").Pool() as pool:
        rows = [line for law in pool.imap(lines, range(len(JOBS))) for line in law]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "deep_tails.csv")
    with open(path, "w") as out:
        out.write("# Source: make.py beside this file: mpmath, %d digits, by the ways named last.\n" % DIGITS)
        out.write("# sum_of_gamma: a = k, b = terms, 0 for infinitely many. gamma: shape, scale.\n")
        out.write("# law,a,b,x,cdf,survival,pdf,ways\n")
        out.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
