"""users_features.conf: what can be pressed in a call, with the code of online recording as the tables have it."""

from callrec.domain.provisioning.model import Feature
from callrec.protocols.asterisk_conf.house import House
from callrec.protocols.asterisk_conf.words import section

_GENERAL = ("featuredigittimeout = 2000", "atxferthreeway = *7")
"""1000 ms is short for a thumb; a three-way call is `*3` by default, which would win during an attended transfer."""


def features(house: House) -> str:
    """The text, without its stamp, which goes on in its last section."""
    online = house.codes.get(Feature.ONLINE_RECORD)
    # self: it runs on the leg of the one who pressed. A Gosub, because an application mapped directly hangs up on failure.
    mapped = (f"callrec => {online.code},self,Gosub(callrec-online,s,1)",) if online and online.enabled else ()
    return section("applicationmap", *mapped) + section("general", *_GENERAL).rstrip("\n") + "\n"
