"""The part of the daemon that keeps Asterisk's files: there only when CALLREC_CONFGEN_DIR names a folder.

It has a manager connection of its own: Asterisk answers nothing on the one that asked for a reload until it is done, and
a press of `*3` must not wait for that.
"""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

from callrec.adapters.asterisk.ami import AmiLink
from callrec.adapters.asterisk.conf_reading import LIMITS, AmiReading
from callrec.adapters.disk.conf_folder import DiskConfFolder
from callrec.app.call_actor import Observer
from callrec.app.conf_following import ConfFollowing
from callrec.app.confgen import Confgen
from callrec.app.store_port import DirectorySource
from callrec.config import Door, Settings
from callrec.observe.health import Readiness


@dataclass(frozen=True, slots=True)
class ConfKeeping:
    """The task that follows the tables, and its link."""

    following: ConfFollowing
    ami: AmiLink

    def tasks(self) -> Sequence[Coroutine[None, None, None]]:
        """What runs as long as the daemon."""
        return (self.ami.run(), self.following.run())


def keep_conf(
    settings: Settings, tables: DirectorySource, observer: Observer, readiness: Readiness
) -> ConfKeeping | None:
    """None when no folder is named. Raises Misconfigured."""
    if settings.confgen_dir is None:
        return None
    door, keeping = Door(settings.ami_url, 5038), list[ConfKeeping]()

    async def on_up() -> None:
        for one in keeping:
            one.following.everything()

    ami = AmiLink(
        host=door.host,
        port=door.port,
        username=door.username,
        secret=door.secret,
        wanted_events=(),
        on_event=lambda _message: None,
        on_up=on_up,
        on_down=lambda _reason: None,
        event_classes="system",
        limits=LIMITS,
    )
    following = ConfFollowing(Confgen(DiskConfFolder(settings.confgen_dir), AmiReading(ami)), tables, observer)
    keeping.append(ConfKeeping(following, ami))
    readiness.add("confgen", lambda: (not following.why_not, following.why_not))
    return keeping[0]
