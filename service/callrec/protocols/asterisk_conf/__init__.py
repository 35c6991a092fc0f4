"""The tables' part of a PBX: tables in, Asterisk's configuration files out.

`sifting` decides which records can stand in a file, one module for each file writes it, `stamps` gives each the mark by which
Asterisk can be asked whether it has loaded this very text.
"""

from dataclasses import dataclass

from callrec.domain.errors import Refused
from callrec.domain.provisioning.edit import in_order
from callrec.domain.provisioning.model import Tables
from callrec.protocols.asterisk_conf.extensions import extensions
from callrec.protocols.asterisk_conf.features import features
from callrec.protocols.asterisk_conf.house import House
from callrec.protocols.asterisk_conf.pjsip import pjsip
from callrec.protocols.asterisk_conf.sccp import sccp
from callrec.protocols.asterisk_conf.sifting import LeftOut, sift
from callrec.protocols.asterisk_conf.stamps import (
    ConfFile,
    Question,
    extensions_file,
    features_file,
    pjsip_file,
    sccp_file,
    voicemail_file,
)
from callrec.protocols.asterisk_conf.voicemail import voicemail

__all__ = ["ConfFile", "LeftOut", "Question", "Rendered", "render", "users_files"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """All files, in the order in which Asterisk shall read them, and the records that are in none."""

    files: tuple[ConfFile, ...]
    left_out: tuple[LeftOut, ...] = ()


def render(tables: Tables) -> Rendered:
    """The files of all users, lines, incalls and voicemails that fit. The same records give the same bytes,
    in whatever order they come."""
    sifted, left_out = sift(in_order(tables))
    house = House(sifted)
    files = (
        features_file(features(house)),
        pjsip_file(pjsip(house)),
        sccp_file(sccp(house)),
        voicemail_file(voicemail(house)),
        extensions_file(extensions(house)),  # last: it leads to the others
    )
    return Rendered(files, (*left_out, *house.left_out))


def users_files(tables: Tables) -> dict[str, str]:
    """File name -> text; raises Refused for the first record that does not fit, naming its table, row and column."""
    rendered = render(tables)
    for one in rendered.left_out:
        raise Refused(one.code, str(one), hint=one.hint)
    return {file.name: file.text for file in rendered.files}
