"""The Python packages that callrec runs with, and their licences, as their own metadata have them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

OWN = "callrec"
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
    """All that callrec needs here, directly or not, by name. Blocking."""
    found: dict[NormalizedName, Package] = {}
    own = Requirement(OWN)
    waiting, seen = [own], set[tuple[NormalizedName, frozenset[str]]]()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (wanted := (name, frozenset(requirement.extras))) in seen:
            continue
        seen.add(wanted)
        try:
            one = distribution(requirement.name)
        except PackageNotFoundError:  # somebody installed callrec without it
            continue
        found[name] = Package(one.metadata["Name"], one.version, _licence(one))
        waiting += _needed(one, requirement.extras)
    del found[canonicalize_name(own.name)]
    return [found[name] for name in sorted(found)]


def own_notice() -> str:
    """Callrec's own NOTICE; empty when it is not installed. Blocking."""
    return "\n".join(text for name, text in _files(distribution(OWN)) if name.endswith("NOTICE"))


def _needed(one: Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    """What it needs here: on this system, with this Python, and with these of its extras."""
    for requirement in map(Requirement, one.requires or ()):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


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
