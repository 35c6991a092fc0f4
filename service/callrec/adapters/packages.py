"""The Python packages that callrec runs with, and their licences, as their own metadata have them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution

OWN = "callrec"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_TEXTS = re.compile(r"(^|/)(licen[cs]e|copying|notice)[^/]*$", re.IGNORECASE)
_LONGEST = 60
"""Characters of a licence's name; longer ones are texts."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package: its name, version, and licence (an SPDX expression where it says one)."""

    name: str
    version: str
    licence: str

    def text(self) -> str:
        """The texts of its licences, one behind the other; empty when its wheel has none. Blocking."""
        return "\n\n".join(_texts(distribution(self.name)))


@cache
def packages() -> Sequence[Package]:
    """All that callrec needs, directly or not, by name. Blocking."""
    found: dict[str, Package] = {}
    waiting = [OWN]
    while waiting:
        name = waiting.pop()
        try:
            one = distribution(name)
        except PackageNotFoundError:  # for other systems or other versions of Python
            continue
        key = _key(one.metadata["Name"])
        if key in found:
            continue
        found[key] = Package(one.metadata["Name"], one.version, _licence(one))
        waiting += _needed(one)
    del found[_key(OWN)]
    return [found[key] for key in sorted(found)]


def own_notice() -> str:
    """Callrec's own NOTICE; empty when it is not installed. Blocking."""
    return "\n".join(text for name, text in _files(distribution(OWN)) if name.endswith("NOTICE"))


def _needed(one: Distribution) -> Iterator[str]:
    """The names of what it needs; of extras only those that callrec itself asks for."""
    for line in one.requires or ():
        said = _NAME.match(line)
        if said and "extra ==" not in line:
            yield said.group()
            yield from _of_extras(said.group(), line)


def _of_extras(name: str, line: str) -> Iterator[str]:
    """What the extras of a requirement such as `redis[hiredis]` need."""
    requested = re.match(r"[A-Za-z0-9._-]+\s*\[([^\]]*)\]", line)
    try:
        requirements = distribution(name).requires or () if requested else ()
    except PackageNotFoundError:
        return
    for extra in (one.strip() for one in requested.group(1).split(",")) if requested else ():
        for each in requirements:
            said = _NAME.match(each)
            if said and re.search(rf"extra\s*==\s*['\"]{re.escape(extra)}['\"]", each):
                yield said.group()


def _licence(one: Distribution) -> str:
    said = "".join((one.metadata.get_all("License-Expression") or [])[:1])
    named = "".join((one.metadata.get_all("License") or [])[:1])
    classified = [
        line.rpartition(" :: ")[2]
        for line in one.metadata.get_all("Classifier") or ()
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    short = named if named and "\n" not in named and len(named) <= _LONGEST else ""
    return said or short or " / ".join(classified) or "?"


def _texts(one: Distribution) -> Iterator[str]:
    for _, text in _files(one):
        yield text


def _files(one: Distribution) -> Iterator[tuple[str, str]]:
    for file in one.files or ():
        if ".dist-info" in str(file) and _TEXTS.search(str(file)):
            place = one.locate_file(file)
            try:
                with open(str(place), encoding="utf-8", errors="replace") as text:  # noqa: PTH123 - a locator gives no Path
                    yield str(file), text.read()
            except OSError:
                continue


def _key(name: str) -> str:
    """As names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
