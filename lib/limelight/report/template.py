"""The templates of the pages, and how they write numbers."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from limelight.explain.text import value_text


@cache
def template(name: str) -> Any:
    """A template of this folder by its file name; what is put into it is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("limelight", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, share=share, duration=duration, text=value_text)
    return environment.get_template(name)


def number(value: Any) -> str:
    """A score or value with four significant digits.

    Example:
        >>> number(0.781234), number(27123.4), number(-3), number(float("nan")), number(0.0)
        ('0.7812', '27,123', '-3', '-', '0')
    """
    if value is None or not math.isfinite(value):
        return "-"
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1e}" if abs(value) < 1e-4 else f"{value:.{_decimals(abs(value))}f}"


def _decimals(size: float) -> int:
    return min(4, max(0, 3 - math.floor(math.log10(size))))


def share(value: float) -> str:
    """A share as a percentage, without claiming 0 or 100 for what is only near.

    Example:
        >>> share(0), share(0.004), share(0.256), share(0.9999)
        ('0 %', '0.4 %', '26 %', '>99 %')
    """
    if 0.99 < value < 1:
        return ">99 %"
    return f"{100 * value:.0f} %" if value == 0 or value >= 0.01 else f"{100 * value:.1g} %"


def duration(seconds: float | None) -> str:
    """A length of time for a reader.

    Example:
        >>> duration(0.0123), duration(4.27), duration(128), duration(None)
        ('12 ms', '4.3 s', '2 min 8 s', '-')
    """
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s"
