"""UserEvents over AMI, with XiVO's names. The action needs the write right `user` (manager.c: ast_manager_register_xml)."""

from callrec.app.ports.asterisk import Manager
from callrec.domain.directory.service_changes import ServiceChange


class AmiUserEvents:
    """Implements `app.ports.asterisk.UserEventSink`."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def feature(self, change: ServiceChange) -> None:
        """Send `UserEvent: Feature`."""
        headers = [
            ("UserEvent", "Feature"),
            ("XIVO_USERID", change.user),
            ("Function", change.function),
            ("Status", str(int(change.on))),
            ("Value", change.value),
        ]
        await self._ami.action("UserEvent", headers)
