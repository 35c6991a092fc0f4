"""users_features.conf."""

from dataclasses import replace

import pytest
from conf_tables import site

from callrec.domain.directory.model import Feature, FeatureCode, Tables
from callrec.protocols.asterisk_conf.features import features

ONLINE, PAUSE = (
    FeatureCode(feature, code, enabled=True)
    for feature, code in ((Feature.ONLINE_RECORD, "*5"), (Feature.PAUSE_RECORD, "*4"))
)
ONLINE_ROW = "callrec => *5,self,Gosub(callrec-online,s,1)\n"
PAUSE_ROW = "callrec-pause => *4,self,Gosub(callrec-pause,s,1)\n"


@pytest.mark.parametrize(
    ("codes", "rows", "group"),
    [
        ((ONLINE,), ONLINE_ROW, "[callrec]\ncallrec =>\n\n"),
        ((ONLINE, PAUSE), ONLINE_ROW + PAUSE_ROW, "[callrec]\ncallrec =>\ncallrec-pause =>\n\n"),
        ((replace(ONLINE, enabled=False), PAUSE), PAUSE_ROW, "[callrec]\ncallrec-pause =>\n\n"),
        ((replace(ONLINE, enabled=False),), "", ""),
        ((), "", ""),
    ],
    ids=["on", "both", "pauses only", "off", "unknown"],
)
def test_what_can_be_pressed_in_a_call(codes: tuple[FeatureCode, ...], rows: str, group: str) -> None:
    """One name on the endpoints stands for both codes."""
    general = "[general]\nfeaturedigittimeout = 2000\natxferthreeway = *7\n"
    assert features(site(Tables(codes=codes))) == f"[applicationmap]\n{rows}\n{group}{general}"
