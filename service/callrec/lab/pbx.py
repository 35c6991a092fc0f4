"""The small PBX of dialplan/pbx, running: its templates filled, its users from the tables, its ports free-chosen."""

import array
import math
import secrets
import socket
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from callrec.domain.errors import Misconfigured
from callrec.domain.provisioning.model import Feature, Tables
from callrec.lab import mailer
from callrec.lab.asterisk import AsteriskServer, dialplan_folder, free_port
from callrec.lab.installation import Installation
from callrec.protocols.asterisk_conf import users_files

RTP_PORTS = 4000
MUSIC_HZ = 262.0
"""The music on hold of the small PBX is one soft tone, which no phone of the bank uses: ears can tell it apart."""


def _secret() -> str:
    return secrets.token_urlsafe(18)


def _udp() -> int:
    return free_port(socket.SOCK_DGRAM)


@dataclass(frozen=True, slots=True)
class Doors:
    """Where a PBX is reached on 127.0.0.1, and what each door asks for. Free ports and random secrets unless given."""

    sip: int = field(default_factory=_udp)
    trunk: int = field(default_factory=_udp)
    """The outside world's SIP port: there the PBX sends calls that leave the house."""
    ami: int = field(default_factory=free_port)
    http: int = field(default_factory=free_port)
    agi: int = field(default_factory=free_port)
    """Where the daemon shall listen for FastAGI; the PBX only connects to it."""
    ami_user: str = "callrec"
    ami_secret: str = field(default_factory=_secret, repr=False)
    ari_user: str = "callrec"
    ari_secret: str = field(default_factory=_secret, repr=False)
    trunk_secret: str = field(default_factory=_secret, repr=False)
    rtp: int = field(default_factory=lambda: 10_000 + 2 * secrets.randbelow(9_000))


class Pbx(AsteriskServer):
    """`async with Pbx(installation, tables, spool=...) as pbx`: users can register, call, press and be called.

    The spool must exist and be writable: recorders of the daemon and of the degraded mode write there. `users` is the folder in
    which a daemon keeps the users' files (CALLREC_CONFGEN_DIR); without it they are written here, from the tables. `mail` is
    where mailboxes send to, as `mailer` takes it; without it the mail is gone with the PBX.
    """

    def __init__(
        self,
        installation: Installation,
        tables: Tables,
        *,
        spool: Path,
        doors: Doors | None = None,
        users: Path | None = None,
        mail: str = "mail",
        name: str = "pbx",
    ) -> None:
        self.doors = doors or Doors()
        self.tables = tables
        self.spool = spool
        conf = pbx_files(tables, self.doors, spool, users)
        files = {"share/moh/calm.wav": _music(), mailer.SCRIPT: mailer.script(mail)}
        super().__init__(installation, conf, name=name, files=files)

    async def reload_users(self, tables: Tables) -> None:
        """Write the users anew and have Asterisk read them; raises Refused, and nothing is changed then."""
        for name, text in users_files(tables).items():
            self.write_conf(name, text)
        self.tables = tables
        for module in ("features", "res_pjsip.so", "pbx_config.so", "app_voicemail.so"):
            await self.cli(f"module reload {module}")


def pbx_files(tables: Tables, doors: Doors, spool: Path, users: Path | None = None) -> dict[str, str]:
    """All configuration files of the small PBX but asterisk.conf; raises Refused for values that do not fit."""
    folder = dialplan_folder()
    always = next((code.code for code in tables.codes if code.feature is Feature.CALL_RECORD), "")
    values = {
        "SIP_PORT": doors.sip,
        "TRUNK_PORT": doors.trunk,
        "TRUNK_SECRET": doors.trunk_secret,
        "AMI_PORT": doors.ami,
        "HTTP_PORT": doors.http,
        "RTP_START": doors.rtp,
        "RTP_END": doors.rtp + RTP_PORTS,
        "AGI": f"127.0.0.1:{doors.agi}",
        "SPOOL": spool.absolute(),
        "ALWAYS_CODE": always,
        "DIALPLAN": folder,
        "MAILER": mailer.SCRIPT,
        "USERS": f"{users.absolute()}/" if users else "",
    }
    files = {path.name: fill(path.read_text(), values) for path in sorted((folder / "pbx").glob("*.conf"))}
    if "extensions.conf" not in files:
        raise Misconfigured("dialplan-missing", f"No small PBX in {folder}", hint="set CALLREC_DIALPLAN_DIR")
    for name, secret in (("manager_callrec.conf", doors.ami_secret), ("ari_callrec.conf", doors.ari_secret)):
        files[name] = (folder / f"{name}.sample").read_text().replace("CHANGE-ME", secret)
    return files if users else files | users_files(tables)


def fill(template: str, values: Mapping[str, object]) -> str:
    """Put the values into `@NAME@` places; raises Misconfigured for a place without a value."""
    for name, value in values.items():
        template = template.replace(f"@{name}@", str(value))
    left = [word for word in template.split("@")[1::2] if word.isupper() and word.replace("_", "").isalpha()]
    if left:
        raise Misconfigured("template-place", f"Nothing fills @{left[0]}@ in a dialplan/pbx file")
    return template


def _music(rate: int = 8000, length_s: int = 10) -> bytes:
    """A WAV file of whole periods, so that it repeats without a click."""
    tone = (int(6000 * math.sin(2 * math.pi * MUSIC_HZ * n / rate)) for n in range(rate * length_s))
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(array.array("h", tone).tobytes())
    return out.getvalue()
