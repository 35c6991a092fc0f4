"""Constructs the links to Asterisk from the settings: for the daemon, for confgen and for commands."""

from collections.abc import Callable, Iterable

from callrec.adapters.asterisk.ami import EVENT_CLASSES, AmiLimits, AmiLink
from callrec.adapters.asterisk.ari import AriLink
from callrec.config import Settings


async def _nothing_to_do() -> None:
    """For a link that only sends requests: its user waits with `Link.tried`."""


async def _ignored(_event: object) -> None:
    """ARI's events are only needed for announcements, and the link handles those itself."""


def ami_link(
    settings: Settings,
    *,
    wanted_events: Iterable[str] = (),
    stood_still: Callable[[], bool] = lambda: False,
    event_classes: str = EVENT_CLASSES,
    limits: AmiLimits = AmiLimits(),  # noqa: B008 - frozen
) -> AmiLink:
    """A link to Asterisk's manager (AMI), for requests only until `AmiLink.subscribe`. Raises Misconfigured."""
    server = settings.ami()
    return AmiLink(
        host=server.host,
        port=server.port,
        username=server.username,
        secret=server.secret,
        wanted_events=wanted_events,
        on_event=lambda _message: None,
        on_up=_nothing_to_do,
        on_down=lambda _reason: None,
        stood_still=stood_still,
        event_classes=event_classes,
        limits=limits,
    )


def ari_link(settings: Settings, app: str) -> AriLink:
    """A link to Asterisk's REST interface (ARI), for requests and announcements. `app` must be unique: a second client with the
    same application disconnects the first. Raises Misconfigured."""
    server = settings.ari()
    return AriLink(
        base_url=server.base.removesuffix("/ari"),
        username=server.username,
        password=server.secret,
        app=app,
        wanted_events=(),
        on_event=_ignored,
        on_up=_nothing_to_do,
        on_down=lambda _reason: None,
    )
