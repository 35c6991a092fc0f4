"""users_features.conf: the feature codes within a call, with the tables' codes for on-demand recording and for pauses.

Both are in the feature group `callrec`, so that a leg with DYNAMIC_FEATURES=callrec has those that are enabled
(features_config.c: ast_get_chan_applicationmap looks for a group of this name first, then for a feature)."""

from callrec.domain.directory.model import Feature
from callrec.protocols.asterisk_conf.lexical import section
from callrec.protocols.asterisk_conf.site import Site

GROUP = "callrec"
IN_CALL = {
    Feature.ONLINE_RECORD: ("callrec", "callrec-online"),
    Feature.PAUSE_RECORD: ("callrec-pause", "callrec-pause"),
}
"""The name of each feature in the applicationmap, and its context. A phone's Record key names the first in its endpoint."""
_GENERAL = ("featuredigittimeout = 2000", "atxferthreeway = *7")
"""1000 ms is short for a thumb; a three-way call is `*3` by default, which would win during an attended transfer."""


def features(site: Site) -> str:
    """The text, without its stamp, which goes on in its last section."""
    codes = [(name, context, site.codes.get(feature)) for feature, (name, context) in IN_CALL.items()]
    enabled = [(name, context, code.code) for name, context, code in codes if code and code.enabled]
    # self: it runs on the presser's leg. A Gosub, because an application that is mapped directly hangs up on failure.
    mapped = [f"{name} => {digits},self,Gosub({context},s,1)" for name, context, digits in enabled]
    # Without digits of its own a feature in a group has those of the applicationmap.
    grouped = section(GROUP, *(f"{name} =>" for name, _, _ in enabled)) if enabled else ""
    return section("applicationmap", *mapped) + grouped + section("general", *_GENERAL).rstrip("\n") + "\n"
