"""users_sccp.conf: SCCP lines in the format of chan-sccp's sccp.conf, which includes it.

For each line a section of its own, and the template of a telephone that has it as its only button: the telephones themselves, by
their MAC addresses, are the operator's: `[SEP001122334455](callrec-1000)`.
"""

from callrec.domain.directory.model import Line
from callrec.protocols.asterisk_conf.lexical import plain, section
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
    device = section(f"callrec-{line.name}", "type = device", f"button = line, {line.name}", template="!")
    return section(line.name, *rows, template="callrec-line") + device
