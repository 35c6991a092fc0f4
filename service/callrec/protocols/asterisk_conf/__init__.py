"""Asterisk's configuration files from the tables.

`validation` decides which records fit into a file, one module for each file writes it, and `load_stamps` adds the stamp by which
Asterisk can prove that it has loaded exactly this text.
"""

from dataclasses import dataclass

from callrec.domain.directory.edit import in_order
from callrec.domain.directory.model import Tables
from callrec.domain.errors import Refused
from callrec.protocols.asterisk_conf.extensions import extensions
from callrec.protocols.asterisk_conf.features import features
from callrec.protocols.asterisk_conf.load_stamps import (
    ConfFile,
    Question,
    extensions_file,
    features_file,
    pjsip_file,
    sccp_file,
    voicemail_file,
)
from callrec.protocols.asterisk_conf.pjsip import pjsip
from callrec.protocols.asterisk_conf.sccp import sccp
from callrec.protocols.asterisk_conf.site import Site
from callrec.protocols.asterisk_conf.validation import LeftOut, sift
from callrec.protocols.asterisk_conf.voicemail import voicemail

__all__ = ["ConfFile", "LeftOut", "Question", "Rendered", "render", "users_files"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """All files, in the order in which Asterisk must read them, and the records that were left out."""

    files: tuple[ConfFile, ...]
    left_out: tuple[LeftOut, ...] = ()


def render(tables: Tables) -> Rendered:
    """The files of all users, lines, incalls and voicemails that fit. The same records give the same bytes,
    in whatever order they come."""
    sifted, left_out = sift(in_order(tables))
    site = Site(sifted)
    files = (
        features_file(features(site)),
        pjsip_file(pjsip(site)),
        sccp_file(sccp(site)),
        voicemail_file(voicemail(site)),
        extensions_file(extensions(site)),  # last: it leads to the others
    )
    return Rendered(files, (*left_out, *site.left_out))


def users_files(tables: Tables) -> dict[str, str]:
    """File name -> text; raises Refused for the first record that does not fit, naming its table, row and column."""
    rendered = render(tables)
    for one in rendered.left_out:
        raise Refused(one.code, str(one), hint=one.hint)
    return {file.name: file.text for file in rendered.files}
