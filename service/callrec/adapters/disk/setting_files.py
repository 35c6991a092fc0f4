"""The files of settings: `callrec.toml`, and the secret files that `*_FILE` settings name.

A file with a password is refused when every user of the machine may read, change or replace it. Container engines provide secrets
with mode 444 on a tmpfs below /run/secrets, which only the container sees: those are allowed.
"""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from tomllib import TOMLDecodeError, loads

from callrec.adapters.disk.folders import MEMORY_FILE_SYSTEM, filesystem_of
from callrec.domain.errors import Misconfigured

CONTAINER_SECRETS = Path("/run/secrets")
MOST_BYTES = 1 << 20
_OTHERS = stat.S_IROTH | stat.S_IWOTH
_SUFFIX = "_file"

HoldsSecret = Callable[[str], bool]
"""Whether a value of a setting contains a password."""


def secret_file(path: Path, said_by: str, holds_secret: HoldsSecret) -> str:
    """The value in a secret file; `said_by`: the setting that names the file, for messages. Raises Misconfigured."""
    try:
        text, mode = _read(path)
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured("setting-file", f"{said_by}: cannot read {path}: {error}") from error
    value = text.strip()
    if holds_secret(value):
        refuse_others(path, mode)
    return value


def toml_settings(path: Path, names: Mapping[str, object], holds_secret: HoldsSecret) -> dict[str, object]:
    """The settings in `callrec.toml`, with `ami_url_file` and its like replaced by those files' content; empty without the file.

    `names`: all known settings. Raises Misconfigured.
    """
    try:
        text, mode = _read(path)
        said = loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured("setting-file", f"{path} cannot be read: {error}") from error
    if any(isinstance(value, str) and holds_secret(value) for value in said.values()):
        refuse_others(path, mode)
    for key in [key for key in said if key not in names and key.removesuffix(_SUFFIX) in names]:
        setting, value = key.removesuffix(_SUFFIX), said.pop(key)
        if setting in said:
            raise Misconfigured("setting-twice", f"{path}: {setting} and {key} are both set")
        if not isinstance(value, str):
            raise Misconfigured("setting-file", f"{path}: {key} must be the name of a file")
        said[setting] = secret_file(Path(value), f"{path}: {key}", holds_secret)
    return said


def _read(path: Path) -> tuple[str, int]:
    """The text, and the mode of the same open file."""
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        return file.read(MOST_BYTES).decode("utf-8"), mode


def refuse_others(path: Path, mode: int) -> None:
    """Raises Misconfigured (`setting-file-open`) for a file with a secret, of this mode, that others may read or replace."""
    real = path.resolve()
    open_folder = next((folder for folder in (path.absolute().parent, real.parent) if _is_open(folder)), None)
    if not (mode & _OTHERS or open_folder):
        return
    if real.is_relative_to(CONTAINER_SECRETS.resolve()) and filesystem_of(real) == MEMORY_FILE_SYSTEM:
        return
    if open_folder:
        what = (
            f"{path} contains a secret, but every user of this machine may replace it (they may write in {open_folder})"
        )
        raise Misconfigured("setting-file-open", what, hint=f"chmod o-w {open_folder}")
    what = f"{path} contains a secret, but every user of this machine may read or change it (mode {stat.S_IMODE(mode):03o})"
    raise Misconfigured("setting-file-open", what, hint=f"chmod o-rwx {path}; its group may read it")


def _is_open(folder: Path) -> bool:
    """Whether every user may replace files in this folder: it is writable for all, without the sticky bit of /tmp."""
    mode = folder.stat().st_mode
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX
