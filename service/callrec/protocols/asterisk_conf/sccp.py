"""users_sccp.conf: SCCP lines in the format of chan-sccp's sccp.conf, which includes it.

For each line a section of its own, and the template of a telephone that has it as its first button, and behind it the user's
customized keys as speed dials, each at its number: the telephones themselves, by their MAC addresses, are the operator's:
`[SEP001122334455](callrec-1000)`.
"""

from collections.abc import Iterator

from callrec.domain.directory.function_keys import ON_SCCP
from callrec.domain.directory.model import Line
from callrec.protocols.asterisk_conf.lexical import NUMBER, listed, plain, section
from callrec.protocols.asterisk_conf.site import Site

LINE = section("callrec-line", "type = line", template="!")


def sccp(site: Site) -> str:
    """The text, without its stamp."""
    return LINE + "".join(_line(line, site) for line in site.lines if line.protocol == "sccp")


def _line(line: Line, site: Site) -> str:
    name = plain(site.user(line).name)
    rows = [
        f"id = {line.number}",
        f"label = {name}",
        f"description = {name}",
        f"context = {line.context}",
        f"cid_name = {name}",
        f"cid_num = {line.number}",
    ]
    if box := site.mailbox(line.user):
        rows.append(f"mailbox = {box}")
    if groups := site.groups(line.user):
        rows += [f"namedcallgroup = {groups}", f"namedpickupgroup = {groups}"]
    buttons = (f"button = line, {line.name}", *_speed_dials(line, site))
    device = section(f"callrec-{line.name}", "type = device", *buttons, template="!")
    return section(line.name, *rows, template="callrec-line") + device


def _speed_dials(line: Line, site: Site) -> Iterator[str]:
    """The buttons behind that of the line: an empty one stands where the user has no key. With a hint the button's lamp follows
    it (chan-sccp: sccp_config.c, button types)."""
    place = 1
    for key in site.keys(line.user):
        if key.type not in ON_SCCP or not NUMBER.fullmatch(key.destination):
            continue
        yield from ["button = empty"] * (key.number - place)
        hint = f", {key.destination}@{line.context}" if key.supervision else ""
        yield f"button = speeddial, {listed(key.label) or key.destination}, {key.destination}{hint}"
        place = key.number + 1
