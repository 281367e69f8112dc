"""Prints elementary_values.hpp: values of the elementary functions, correctly rounded by mpmath.

    python3 tests/core/elementary_values.py > tests/core/elementary_values.hpp
"""

import math
import random

import mpmath
from mpmath import mpf

mpmath.mp.prec = 400
random.seed(1)

FUNCTIONS = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "pow": mpmath.power,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "cos_pi": mpmath.cospi,
    "atan2": mpmath.atan2,
    "log_gamma": mpmath.loggamma,
    "gamma_function": mpmath.gamma,
    "erfc": mpmath.erfc,
}


def even(low, high, count):
    return [random.uniform(low, high) for _ in range(count)]


def wide(low, high, count):
    return [math.ldexp(random.uniform(1, 2), random.randint(low, high)) for _ in range(count)]


def beside(*points):
    """Each point, and its neighbours."""
    return [y for x in points for y in (math.nextafter(x, -math.inf), x, math.nextafter(x, math.inf))]


ANGLES = (
    even(-7, 7, 8)
    + even(-1e5, 1e5, 8)
    + wide(-40, -1, 3)
    + beside(math.pi / 4, math.pi / 2, math.pi, 65536 * math.pi)
    # The double nearest to a multiple of pi / 2 below 2^20, among them.
    + [0.0, 1e5, -1e5, 344.0, 355.0, 710.0, 103993.0, 208341.0, 312689.0, 1048575.0]
)
HALF_TURNS = even(-3, 3, 12) + beside(0.25, 0.5, 1.0, 1.5) + [0.1, 1 / 3, 2 / 3, 1e5 + 0.25]
ARGUMENTS = {
    "exp": even(-745, 709.7, 10)
    + even(-1, 1, 5)
    + beside(0.0, 1.0, -708.3964185322641, 709.782712893384, math.log(2) / 64)
    + [-744.4400719213812, -730.5, 1e-20],
    "expm1": even(-40, 60, 6)
    + even(-0.6, 0.6, 8)
    + beside(-0.25, 0.25, 1.0, -1.0, 39.999)
    + wide(-70, -3, 5)
    + [-x for x in wide(-70, -3, 5)]
    + [709.5, 5e-324, -37.0],
    "log": wide(-1074, 1023, 8)
    + even(0.5, 2, 8)
    + beside(1.0, 0.6875, 1.375, 63 / 64, 1 + 1 / 32, 2.0**-1022)
    + [5e-324, 1.7976931348623157e308, 10.0, 2.0, 0.5],
    "log1p": wide(-70, 100, 8)
    + even(-1, 1, 8)
    + beside(1e-10, -1e-10, -0.5, 1.0, 2.0**-53, -(2.0**-54), 2.0**60)
    + [math.nextafter(-1, 0), -6.58523804770135e-17, 5e-324, 1e300],
    "log_gamma": even(0, 3, 10)
    + even(3, 40, 8)
    + wide(-100, 60, 6)
    + beside(0.5, 1.0, 1.5, 2.0, 2.5, 8.0)
    + [1 + 1e-9, 1 - 1e-6, 2 + 1e-9, 2 - 1e-6, 5e-324, 1e300, 1e18, 30.0],
    "gamma_function": even(0, 3, 8)
    + even(3, 171.6, 10)
    + wide(-60, -2, 3)
    + beside(0.5, 1.0, 1.5, 2.5, 12.0, 24.0)
    + [3.0, 10.0, 19.0, 23.0, 100.0, 171.0, 171.6, 1e-300],
    "erfc": even(-6, 6, 10)
    + even(0.4, 26, 10)
    + beside(0.5, -0.5, 1.0, 2.0, 4.0)
    + [0.0, 1e-20, -1e-300, 10.0, 20.0, 26.0, 26.5, -7.0],
    "sin": ANGLES,
    "cos": ANGLES,
    "cos_pi": HALF_TURNS,
}
PAIRS = {
    "pow": [(x, y) for x, y in zip(wide(-30, 30, 10), even(-30, 30, 10))]
    + [(x, y) for x, y in zip(even(0.9, 1.1, 6), even(-5000, 5000, 6))]
    + [(float(i), -float(n)) for i, n in ((2, 1), (3, 2), (10, 5), (30, 7), (1000, 60), (7, 100))]
    + [(math.nextafter(1, 2), 1e18), (math.nextafter(1, 0), 1e18), (1e-310, 0.5), (2.0, 1023.5), (2.0, -1073.5)]
    + [(10.0, 22.0), (4.0, 0.5), (5.0, 1e-30), (1e300, 1e-200)],
    "atan2": [(y, x) for y, x in zip(even(-1, 1, 12), even(-1, 1, 12))]
    + [(y, x) for y, x in zip(wide(-1000, 1000, 6), wide(-900, 900, 6))]
    + [(1.0, 1.0), (1.0, -1.0), (-1.0, 8.0), (1.0, 16.0), (3.0, 16.0), (15.0, 16.0), (1e-310, 1.0), (1e-310, -1e-309)]
    + [(1.7e308, 1.6e308), (5e-324, 5e-324), (1e-300, -1e300), (1.0, 1e-18), (-1e-18, 1.0)],
}


def rounded(value):
    """The nearest double, subnormal ones too: mpmath's float() rounds those twice."""
    if value == 0:
        return 0.0
    exponent = max(int(mpmath.floor(mpmath.log(abs(value), 2))) - 52, -1074)
    return math.ldexp(int(mpmath.nint(value / mpf(2) ** exponent)), exponent)


def literal(x):
    if x == 0:
        return "0"
    mantissa, exponent = x.hex().split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent.lstrip("+")


print("#pragma once\n\n// Made by elementary_values.py with mpmath " + mpmath.__version__ + ": do not edit.\n")
print("namespace support {\n\nstruct elementary_value {\n    const char* function;\n    double x, y, value;\n};\n")
print("inline constexpr elementary_value elementary_values[] = {")
for name in FUNCTIONS:
    points = PAIRS.get(name) or [(x, None) for x in ARGUMENTS[name]]
    for x, y in points:
        value = FUNCTIONS[name](mpf(x)) if y is None else FUNCTIONS[name](mpf(x), mpf(y))
        try:
            print(f'    {{"{name}", {literal(x)}, {literal(y or 0.0)}, {literal(rounded(value))}}},')
        except OverflowError:
            pass
print("};\n\n}  // namespace support")
