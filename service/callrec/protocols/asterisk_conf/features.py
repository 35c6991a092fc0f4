"""users_features.conf: the feature codes within a call, with the tables' code for on-demand recording."""

from callrec.domain.directory.model import Feature
from callrec.protocols.asterisk_conf.lexical import section
from callrec.protocols.asterisk_conf.site import Site

_GENERAL = ("featuredigittimeout = 2000", "atxferthreeway = *7")
"""1000 ms is short for a thumb; a three-way call is `*3` by default, which would win during an attended transfer."""


def features(site: Site) -> str:
    """The text, without its stamp, which goes on in its last section."""
    online = site.codes.get(Feature.ONLINE_RECORD)
    # self: it runs on the presser's leg. A Gosub, because an application that is mapped directly hangs up on failure.
    mapped = (f"callrec => {online.code},self,Gosub(callrec-online,s,1)",) if online and online.enabled else ()
    return section("applicationmap", *mapped) + section("general", *_GENERAL).rstrip("\n") + "\n"
