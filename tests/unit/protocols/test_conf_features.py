"""users_features.conf."""

import pytest
from conf_tables import site

from callrec.domain.directory.model import Feature, FeatureCode, Tables
from callrec.protocols.asterisk_conf.features import features


@pytest.mark.parametrize(
    ("codes", "row"),
    [
        ((FeatureCode(Feature.ONLINE_RECORD, "*5", enabled=True),), "callrec => *5,self,Gosub(callrec-online,s,1)\n"),
        ((FeatureCode(Feature.ONLINE_RECORD, "*5"),), ""),
        ((), ""),
    ],
    ids=["on", "off", "unknown"],
)
def test_what_can_be_pressed_in_a_call(codes: tuple[FeatureCode, ...], row: str) -> None:
    general = "\n[general]\nfeaturedigittimeout = 2000\natxferthreeway = *7\n"
    assert features(site(Tables(codes=codes))) == f"[applicationmap]\n{row}{general}"
