"""What every template gets as `view`: who looks, in which language and time zone, and how values are shown to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from callrec.domain.access.decisions import may_somewhere
from callrec.domain.access.principals import Principal
from callrec.domain.directory.model import Permission
from callrec.web.pages.languages import N_, translations
from callrec.web.pages.navigation import Entry

_KILO = 1000
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class View:
    """One page for one person. Times are in Unix time, lengths in seconds."""

    language: str
    locale: Locale
    zone: tzinfo
    nonce: str
    """Of styles that a script adds."""
    principal: Principal | None
    name: str
    """The person's name; empty without a login."""
    path: str
    """The path of the request."""
    navigation: Sequence[Entry] = ()
    done: str = ""
    """What a form has just done, in the person's language; empty for nothing."""
    static: Callable[[str], str] = field(kw_only=True)
    """The address of a static file."""

    def may(self, permission: str) -> bool:
        """Whether the person may do this at all, e.g. `view.may("recordings.hold")`."""
        return self.principal is not None and may_somewhere(self.principal, Permission(permission))

    def words(self, sentence: str) -> str:
        """A sentence that is not written in the template itself, in the person's language. It stays text: a name in its place is
        never markup."""
        return translations(self.language).gettext(sentence) if sentence else ""

    def when(self, at_s: float | None, form: str = "medium") -> Markup:
        """Date and time, as an element that a program can read; empty for None."""
        if at_s is None:
            return Markup("")
        at = datetime.fromtimestamp(at_s, UTC)
        here = at.astimezone(self.zone)
        if form == "short":  # with the month as a word: 01/12 is two days
            shown = (
                f"{format_date(here, 'medium', locale=self.locale)}, {format_time(here, 'short', locale=self.locale)}"
            )
        else:
            shown = format_datetime(here, form, locale=self.locale)
        return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), shown)

    def instant(self, at_s: float) -> str:
        """The time as programs read it (RFC 3339), in UTC."""
        return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")

    def choices(self, words: Mapping[str, str], every: str | None = N_("all")) -> list[tuple[str, str]]:
        """The values of a field and their words, for a choice; with an empty one for no condition."""
        say = translations(self.language).gettext
        chosen = [(str(value), say(text)) for value, text in words.items()]
        return chosen if every is None else [("", say(every)), *chosen]

    def day(self, at_s: float) -> str:
        """The date alone."""
        return format_date(datetime.fromtimestamp(at_s, self.zone), "medium", locale=self.locale)

    def time_of_day(self, at_s: float) -> str:
        """The time alone, to the second."""
        return format_time(datetime.fromtimestamp(at_s, self.zone), "medium", locale=self.locale)

    def zone_name(self) -> str:
        """The zone in which times are shown."""
        return str(getattr(self.zone, "key", None) or datetime.now(self.zone).tzname() or "UTC")

    def day_begins_s(self, day: date) -> float:
        """The Unix time at which a day begins here."""
        return datetime.combine(day, time(), self.zone).timestamp()

    def number(self, value: float) -> str:
        """A number with the separators of the language."""
        return format_decimal(value, locale=self.locale)

    def size(self, size_bytes: float) -> str:
        """`1.4 MB`."""
        unit = 0
        while size_bytes >= _KILO and unit < len(_UNITS) - 1:
            size_bytes, unit = size_bytes / _KILO, unit + 1
        return (
            f"{format_decimal(round(size_bytes, 1 if unit else 0), locale=self.locale)}\N{NO-BREAK SPACE}{_UNITS[unit]}"
        )


def length(seconds: float | None) -> str:
    """`1:33`, `1:02:03`; empty for None."""
    if seconds is None:
        return ""
    whole = int(max(0.0, seconds) + 0.5)
    hours, minutes, left = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


@lru_cache(256)
def zone_of(name: str) -> tzinfo:
    """The zone that the browser names in its cookie; the machine's own for none and for one that the machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _own_zone()


def _own_zone() -> tzinfo:
    return datetime.now().astimezone().tzinfo or UTC


def attributes(values: Mapping[str, object]) -> Markup:
    """HTML attributes; those that are None or False are left out."""
    given = (
        (name.replace("_", "-"), value) for name, value in values.items() if value is not None and value is not False
    )
    return Markup("").join(
        Markup(" {}").format(name) if value is True else Markup(' {}="{}"').format(name, escape(str(value)))
        for name, value in given
    )
