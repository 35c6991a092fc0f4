"""The small PBX of dialplan/pbx as a running Asterisk: filled templates, users from the tables, free ports."""

import array
import math
import secrets
import socket
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from callrec.domain.directory.model import Feature, Tables
from callrec.domain.errors import Misconfigured
from callrec.protocols.asterisk_conf import users_files
from callrec_lab import mailer
from callrec_lab.asterisk import AsteriskServer, dialplan_folder, free_port
from callrec_lab.installation import Installation

RTP_PORTS = 4000
MUSIC_HZ = 262.0
"""The music on hold is one soft tone that no phone of the bank uses, so that it can be told apart."""


def _secret() -> str:
    return secrets.token_urlsafe(18)


def _udp() -> int:
    return free_port(socket.SOCK_DGRAM)


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a PBX on 127.0.0.1, with user and secret of each. Free ports and random secrets unless given."""

    sip: int = field(default_factory=_udp)
    trunk: int = field(default_factory=_udp)
    """The outside world's SIP port: the PBX sends outgoing calls there."""
    ami: int = field(default_factory=free_port)
    http: int = field(default_factory=free_port)
    agi: int = field(default_factory=free_port)
    """The daemon's FastAGI port, to which the PBX connects."""
    ami_user: str = "callrec"
    ami_secret: str = field(default_factory=_secret, repr=False)
    ari_user: str = "callrec"
    ari_secret: str = field(default_factory=_secret, repr=False)
    trunk_secret: str = field(default_factory=_secret, repr=False)
    rtp: int = field(default_factory=lambda: 10_000 + 2 * secrets.randbelow(9_000))


class Pbx(AsteriskServer):
    """`async with Pbx(installation, tables, spool=...) as pbx`: users can register, call and be called, and press feature codes.

    The spool must exist and be writable: captures of the daemon and of the fallback mode are written there. `users`: the folder
    of the files that a daemon writes for the users (CALLREC_CONFGEN_DIR); without it they are written here from the tables.
    `mail`: the destination of mailboxes' mail, as in `mailer`; without it the mail is removed with the PBX.
    """

    def __init__(
        self,
        installation: Installation,
        tables: Tables,
        *,
        spool: Path,
        ports: Ports | None = None,
        users: Path | None = None,
        mail: str = "mail",
        name: str = "pbx",
    ) -> None:
        self.ports = ports or Ports()
        self.tables = tables
        self.spool = spool
        conf = pbx_files(tables, self.ports, spool, users)
        files = {"share/moh/calm.wav": _music(), mailer.SCRIPT: mailer.script(mail)}
        super().__init__(installation, conf, name=name, files=files)

    async def reload_users(self, tables: Tables) -> None:
        """Write the users' files again and reload them. Raises Refused, and then nothing is changed."""
        for name, text in users_files(tables).items():
            self.write_conf(name, text)
        self.tables = tables
        for module in ("features", "res_pjsip.so", "pbx_config.so", "app_voicemail.so"):
            await self.cli(f"module reload {module}")


def pbx_files(tables: Tables, ports: Ports, spool: Path, users: Path | None = None) -> dict[str, str]:
    """All configuration files of the small PBX except asterisk.conf. Raises Refused for values that the files cannot have."""
    folder = dialplan_folder()
    always = next((code.code for code in tables.codes if code.feature is Feature.CALL_RECORD), "")
    values = {
        "SIP_PORT": ports.sip,
        "TRUNK_PORT": ports.trunk,
        "TRUNK_SECRET": ports.trunk_secret,
        "AMI_PORT": ports.ami,
        "HTTP_PORT": ports.http,
        "RTP_START": ports.rtp,
        "RTP_END": ports.rtp + RTP_PORTS,
        "AGI": f"127.0.0.1:{ports.agi}",
        "SPOOL": spool.absolute(),
        "ALWAYS_CODE": always,
        "DIALPLAN": folder,
        "MAILER": mailer.SCRIPT,
        "USERS": f"{users.absolute()}/" if users else "",
    }
    files = {path.name: fill(path.read_text(), values) for path in sorted((folder / "pbx").glob("*.conf"))}
    if "extensions.conf" not in files:
        raise Misconfigured("test-pbx", f"{folder} has no files of the small PBX", hint="set CALLREC_DIALPLAN_DIR")
    for name, secret in (("manager_callrec.conf", ports.ami_secret), ("ari_callrec.conf", ports.ari_secret)):
        files[name] = (folder / f"{name}.sample").read_text().replace("CHANGE-ME", secret)
    return files if users else files | users_files(tables)


def fill(template: str, values: Mapping[str, object]) -> str:
    """Replace each `@NAME@` by its value. Raises Misconfigured for a name without a value."""
    for name, value in values.items():
        template = template.replace(f"@{name}@", str(value))
    left = [word for word in template.split("@")[1::2] if word.isupper() and word.replace("_", "").isalpha()]
    if left:
        raise Misconfigured("test-pbx", f"There is no value for @{left[0]}@ in a file of dialplan/pbx")
    return template


def _music(rate: int = 8000, length_s: int = 10) -> bytes:
    """A WAV file with whole periods of the tone, so that it repeats without a click."""
    tone = (int(6000 * math.sin(2 * math.pi * MUSIC_HZ * n / rate)) for n in range(rate * length_s))
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(array.array("h", tone).tobytes())
    return out.getvalue()
