"""The service model's regular expressions are Java's; this makes them Python's."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

# `$` with a quantifier (`(...)${1,256}`) means the end, once, to Java; Python refuses it.
_QUANTIFIED_END = re.compile(r"\$\{\d+,\d+\}$")
_BEYOND_16_BITS = r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010ffff"  # in Java two units each
_CATEGORY = re.compile(r"\\p\{([A-Z])\}")


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The Java pattern, to be used with `fullmatch` as Java's validators do."""
    python = _QUANTIFIED_END.sub("", pattern).replace(r"\p{Alnum}", "a-zA-Z0-9")
    python = python.replace(*_BEYOND_16_BITS)
    return re.compile(_CATEGORY.sub(lambda found: _categories()[found.group(1)], python))


@cache
def _categories() -> dict[str, str]:
    """Unicode's general categories (L, M, N, ...) as ranges for a character class."""
    ranges: dict[str, list[str]] = {}
    first, category = 0, unicodedata.category("\0")[0]
    for code in range(1, sys.maxunicode + 2):
        here = unicodedata.category(chr(code))[0] if code <= sys.maxunicode else ""
        if here != category:
            ranges.setdefault(category, []).append(f"\\U{first:08x}-\\U{code - 1:08x}")
            first, category = code, here
    return {name: "".join(found) for name, found in ranges.items()}
