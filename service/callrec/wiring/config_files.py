"""Constructs the part of the daemon that keeps Asterisk's files up to date; used only when CALLREC_CONFGEN_DIR names a folder.

It has its own AMI connection: during a reload Asterisk answers no other action on the connection that requested it, and a press
of `*3` must not wait for that.
"""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

from callrec.adapters.asterisk.ami import AmiLink
from callrec.adapters.asterisk.config_reload import LIMITS, AmiReading
from callrec.adapters.disk.config_folder import DiskConfFolder
from callrec.app.asterisk.config_files import Confgen
from callrec.app.asterisk.config_sync import ConfFollowing
from callrec.app.ports.directory import DirectorySource
from callrec.app.ports.observer import Observer
from callrec.config import Settings
from callrec.observe.health import Readiness
from callrec.wiring.links import ami_link


@dataclass(frozen=True, slots=True)
class ConfKeeping:
    """The task that writes the files after changes of the tables, and its AMI link."""

    following: ConfFollowing
    ami: AmiLink

    def tasks(self) -> Sequence[Coroutine[None, None, None]]:
        """The tasks that run as long as the daemon."""
        return (self.ami.run(), self.following.run())


def keep_conf(
    settings: Settings, tables: DirectorySource, observer: Observer, readiness: Readiness
) -> ConfKeeping | None:
    """None without CALLREC_CONFGEN_DIR. Raises Misconfigured."""
    if settings.confgen_dir is None:
        return None
    ami = ami_link(settings, event_classes="system", limits=LIMITS)
    following = ConfFollowing(Confgen(DiskConfFolder(settings.confgen_dir), AmiReading(ami)), tables, observer)

    async def on_up() -> None:
        following.everything()

    ami.subscribe(on_up=on_up)
    readiness.add("confgen", lambda: (not following.why_not, following.why_not))
    return ConfKeeping(following, ami)
