"""The settings: one frozen object, read once. The environment overrides `callrec.toml`, and both override the defaults.

Every field `name` is `CALLREC_NAME` in the environment. A secret may come from a file: `CALLREC_AMI_URL_FILE=/run/secrets/ami`
is read instead of `CALLREC_AMI_URL`, and so is `ami_url_file` in `callrec.toml` instead of `ami_url`. docs/settings.md documents
each; a documentation test compares.
"""

import os
import re
import socket
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo
from pydantic_settings import BaseSettings, InitSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from callrec.adapters.disk.setting_files import secret_file, toml_settings
from callrec.domain.calls.policy import Announcement, Confirm, Follow, OverridesAlways, RecordApplications, Tracks
from callrec.domain.directory.service_changes import UserEventNames
from callrec.domain.errors import Misconfigured
from callrec.domain.library.file_names import Names
from callrec.domain.library.manifest import Format
from callrec.protocols.http_host import parse_host

_PREFIX = "CALLREC_"
_FOR_MIXMONITOR = re.compile(r"[^,()\s]+")
_PASSWORD = re.compile(r"(?<=://)(?P<user>[^:/@]*):[^/]*@")
"""Up to the last @ before the path: a password with an @ that is not quoted is masked completely, too."""
_QUERY_PASSWORD = re.compile(r"(?<=password=)[^&]*", re.IGNORECASE)
_KEY_SOURCE = re.compile(r"file:.+|command: *[^ ].*|env:[A-Za-z_][A-Za-z0-9_]*")


RENAMED = {"max_pause_s": "pause_max_s"}
"""The former names of settings, which still work in this release."""


def _bind(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:  # noqa: PLR2004 - the highest port
        raise ValueError("must be HOST:PORT, e.g. 127.0.0.1:4573")
    return value


def split_bind(bind: str) -> tuple[str, int]:
    """Host and port to listen on; an IPv6 host comes without its brackets."""
    host, _, port = bind.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _hosts(value: object) -> object:
    return [part for part in re.split(r"[,\s]+", value) if part] if isinstance(value, str) else value


def _host(value: str) -> str:
    if parse_host(value) is None:
        raise ValueError("must be names or addresses, separated by commas, e.g. rec.example.com, 10.0.0.5:8080, [::1]")
    return value


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError("must be networks, separated by commas, e.g. 127.0.0.0/8, 10.1.0.0/16, fd00::/8") from None


def _variable(value: str) -> str:
    if value and (not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,78}", value) or value.upper().startswith(_PREFIX)):
        raise ValueError(f"must be a channel variable's name (letters, digits, _) that does not begin with {_PREFIX}")
    return value


def _spool(value: Path) -> Path:
    if not _FOR_MIXMONITOR.fullmatch(str(value)):
        raise ValueError(
            "must not contain commas, parentheses or white space: Asterisk's MixMonitor splits its arguments there"
        )
    return value.absolute()


def _prompts(value: Path) -> Path:
    if not re.fullmatch(r"[^,&()\s]+", str(value)):
        raise ValueError("must not contain commas, &, parentheses or white space: Asterisk's Playback splits them")
    return value.absolute()


def _beep(value: float) -> float:
    if value and value < 5:  # noqa: PLR2004 - what a conversation bears
        raise ValueError("must be 0 (none) or 5 to 600 seconds")
    return value


def _web_address(value: str) -> str:
    if not value:
        return value
    found = urlsplit(value)
    if found.scheme not in {"http", "https"} or not found.hostname:
        raise ValueError("must begin with http:// or https:// and a host")
    return value


def _folder(value: object) -> object:
    """An empty value means no folder or file; as a Path it would be the working folder."""
    return value or None


def _key_source(value: str, settings: ValidationInfo) -> str:
    if not value and settings.data.get("encryption"):
        raise ValueError("must say where the master keys are, because CALLREC_ENCRYPTION is on")
    if value and not _KEY_SOURCE.fullmatch(value):
        raise ValueError("must be file:PATH, command:PROGRAM WORDS or env:VARIABLE, and never a key itself")
    return value


def _node(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,63}", value):
        raise ValueError("must be letters, digits and hyphens, at most 63")
    return value


Bind = Annotated[str, AfterValidator(_bind)]


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    redis_url: str = "embedded:"
    database_url: str = Field(default="sqlite:", repr=False)
    ami_url: str = Field(default="ami://callrec@127.0.0.1:5038", repr=False)
    ari_url: str = Field(default="http://callrec@127.0.0.1:8088/ari", repr=False)
    agi_bind: Bind = "127.0.0.1:4573"
    http_bind: Bind = "127.0.0.1:8080"
    http_hosts: Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], NoDecode, BeforeValidator(_hosts)] = ()
    http_tls_cert: Annotated[Path | None, BeforeValidator(_folder)] = None
    http_tls_key: Annotated[Path | None, BeforeValidator(_folder)] = None
    trusted_proxies: Annotated[
        tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_hosts)
    ] = ()
    monitor_dir: Path = Path("recordings/monitor")
    spool_dir: Annotated[Path, AfterValidator(_spool)] = Path("recordings/spool").absolute()
    state_dir: Path = Path("recordings/state")
    confgen_dir: Annotated[Path | None, BeforeValidator(_folder)] = None
    audit_witness: Annotated[Path | None, BeforeValidator(_folder)] = None
    audit_timestamp_url: Annotated[str, AfterValidator(_web_address)] = Field(default="", repr=False)
    audit_timestamp_ca: Annotated[Path | None, BeforeValidator(_folder)] = None
    audit_timestamp_every_s: Annotated[float, Field(gt=0, le=604_800)] = 3600.0
    node: Annotated[str, AfterValidator(_node)] = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:63] or "callrec"
    format: Format = Format.WAV
    names: Names = Names.CALLREC
    confirm: Confirm = Confirm.BOTH
    announce: Announcement = Announcement.NONE
    beep_s: Annotated[float, Field(le=600), AfterValidator(_beep)] = 0.0
    opt_out_digit: Annotated[str, Field(pattern=r"^[0-9*#]?$")] = ""
    prompts_dir: Annotated[Path, AfterValidator(_prompts)] = Path("recordings/prompts").absolute()
    announce_max_s: Annotated[float, Field(ge=5, le=120)] = 15.0
    on_demand_overrides_always: OverridesAlways = OverridesAlways.NOTHING
    follow: Follow = Follow.USER
    record_applications: RecordApplications = RecordApplications.USERS
    tracks: Tracks = Tracks.STEREO
    pause_max_s: Annotated[float, Field(gt=0, le=86400)] = 600.0
    user_events: UserEventNames = UserEventNames.NONE
    recording_variable: Annotated[str, AfterValidator(_variable)] = ""
    recording_cdr: Annotated[str, Field(pattern=r"^([A-Za-z][A-Za-z0-9_]{0,78})?$")] = ""
    webhook_networks: Annotated[
        tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_hosts)
    ] = ()
    webhook_keep_h: Annotated[float, Field(gt=0, le=720)] = 72.0
    webhook_queue_mb: Annotated[int, Field(ge=1, le=1024)] = 16
    intake_workers: Annotated[int, Field(ge=1, le=32)] = 1
    encryption: bool = False
    """Whether new recordings are encrypted."""
    encryption_keys: Annotated[str, Field(validate_default=True), AfterValidator(_key_source)] = ""
    transcoded_mb: Annotated[int, Field(ge=16, le=1 << 20)] = 1024
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    log_personal: bool = False
    """Whether numbers and names appear in logs. Off: only ids."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env files: two places are enough
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - `*_FILE` names each file by itself
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then the file `callrec.toml`. Raises Misconfigured."""
        said = toml_settings(_toml(), settings_cls.model_fields, _holds_secret)
        for former, name in RENAMED.items():
            if former in said:
                if name in said:
                    raise Misconfigured("setting-twice", f"{_toml()}: {name} and {former} are both set")
                said[name] = said.pop(former)
        return (init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=said))

    def shown(self) -> dict[str, str]:
        """All settings as text, with passwords in addresses masked."""
        return {name: _masked(_text(getattr(self, name))) for name in type(self).model_fields}

    def ami(self) -> "Server":
        """Asterisk's manager interface. Raises Misconfigured."""
        return Server(self.ami_url, 5038)

    def ari(self) -> "Server":
        """Asterisk's REST interface. Raises Misconfigured."""
        return Server(self.ari_url, 8088)

    def _addresses(self) -> tuple[str, ...]:
        return self.redis_url, self.database_url, self.ami_url, self.ari_url, self.audit_timestamp_url

    def secrets(self) -> list[str]:
        """All passwords in the settings, which the logs mask."""
        addresses = [urlsplit(url) for url in self._addresses()]
        quoted = [address.password for address in addresses if address.password]
        return [*quoted, *map(unquote, quoted)]


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _masked(value: str) -> str:
    return _QUERY_PASSWORD.sub("***", _PASSWORD.sub(r"\g<user>:***@", value))


def _holds_secret(value: str) -> bool:
    return _masked(value) != value


def read_settings() -> Settings:
    """Read all settings. Raises Misconfigured, whose message names every wrong setting."""
    _known(os.environ)
    from_files = _renamed(os.environ)
    for key, path in os.environ.items():
        if key.startswith(_PREFIX) and key.endswith("_FILE"):
            if key.removesuffix("_FILE") in os.environ:
                raise Misconfigured("setting-twice", f"{key.removesuffix('_FILE')} and {key} are both set")
            name = key.removeprefix(_PREFIX).removesuffix("_FILE").lower()
            from_files[name] = secret_file(Path(path), key, _holds_secret)
    try:
        return Settings(**from_files)  # type: ignore[arg-type]  # pydantic checks
    except ValidationError as error:
        places = [f"{_PREFIX}{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors()]
        raise Misconfigured("setting", "; ".join(places), hint="docs/settings.md describes each setting") from error


def former_names(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """The former names of settings that are still used, each with the present one."""
    said = toml_settings(_toml(), Settings.model_fields, _holds_secret)
    return [(old, new) for old, new in RENAMED.items() if old in said or f"{_PREFIX}{old.upper()}" in environment]


def _renamed(environment: Mapping[str, str]) -> dict[str, str]:
    """The values of settings under their former names. Raises Misconfigured when both names are set."""
    values = {}
    for old, new in RENAMED.items():
        former, present = (f"{_PREFIX}{name.upper()}" for name in (old, new))
        if former in environment:
            if present in environment:
                raise Misconfigured("setting-twice", f"{present} and {former} are both set")
            values[new] = environment[former]
    return values


def _toml() -> Path:
    """The settings file: the one that CALLREC_CONFIG names, which must exist, else callrec.toml, which may be missing."""
    named = os.environ.get(f"{_PREFIX}CONFIG")
    if named and not Path(named).is_file():
        raise Misconfigured("setting-file", f"{_PREFIX}CONFIG names {named}, which is not a file")
    return Path(named or "callrec.toml")


def _known(environment: Mapping[str, str]) -> None:
    """Raises Misconfigured for an unknown setting, so that a misspelt one is not silently ignored."""
    names = {name.upper() for name in Settings.model_fields}
    other = {"CONFIG", "DIALPLAN_DIR", *(name.upper() for name in RENAMED)}
    for key in environment:
        name = key.removeprefix(_PREFIX)
        if key.startswith(_PREFIX) and name not in other and name.removesuffix("_FILE") not in names:
            hint = "remove or correct it; docs/settings.md lists all settings"
            raise Misconfigured("setting", f"{key} is not a setting of callrec", hint=hint)


class Server:
    """Host, port, user and secret of a URL such as `ami://callrec:secret@127.0.0.1:5038`. Raises Misconfigured."""

    def __init__(self, url: str, default_port: int) -> None:
        try:
            parts = urlsplit(url)
            self.host, self.port = parts.hostname or "", parts.port or default_port
        except ValueError as error:
            raise Misconfigured("url", f"{_masked(url)} is not an address: {error}") from error
        self.username, self.secret = unquote(parts.username or ""), unquote(parts.password or "")
        self.base = f"{parts.scheme}://{self.host}:{self.port}{parts.path.rstrip('/')}"
        if not self.host or not self.username:
            raise Misconfigured(
                "url", "an address needs scheme://user:secret@host:port", hint="docs/settings.md shows examples"
            )
