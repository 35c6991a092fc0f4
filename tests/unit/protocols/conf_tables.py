"""The tables that the tests of the configuration files share."""

from dataclasses import replace

from callrec.domain.directory.model import Incall, Line, Tables, User, Voicemail
from callrec.domain.rules import UserId
from callrec.protocols.asterisk_conf.site import Site
from callrec.protocols.asterisk_conf.validation import sift

ONE, TWO, THREE = UserId("1"), UserId("2"), UserId("3")
JOHN = User(ONE, "John", "Doe", "en_US")
LINE = Line("1000", ONE, "1000", "default", "sip", "secret")
BOX = Voicemail("1000", "default", ONE, "John Doe", "1234", "john@example.org", attach=True)
TABLES = Tables(
    users=(JOHN, User(TWO, "Zoë", "O'Brien"), User(THREE, "Sam", "Cisco")),
    lines=(
        LINE,
        replace(LINE, name="zoe", user=TWO, number="1001"),
        Line("1002", THREE, "1002", "default", "sccp"),
    ),
    incalls=(Incall("2050", "from-extern", ONE, 20), Incall("2051", "from-extern", TWO)),
    voicemails=(BOX,),
)


def site(tables: Tables) -> Site:
    """The house of tables that fit."""
    sifted, left_out = sift(tables)
    assert left_out == ()
    return Site(sifted)


def john(**fields: object) -> Tables:
    """The tables with John changed."""
    return replace(TABLES, users=(replace(JOHN, **fields), *TABLES.users[1:]))  # type: ignore[arg-type]  # a test's words
