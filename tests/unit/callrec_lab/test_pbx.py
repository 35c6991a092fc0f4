"""The files of the small PBX are filled, complete, and the same that an existing PBX includes."""

import re
from pathlib import Path

import pytest

from callrec.app.calls.ami_events import WANTED
from callrec.domain.directory.model import Feature, FeatureCode, Tables
from callrec.domain.errors import Misconfigured
from callrec_lab.asterisk import dialplan_folder
from callrec_lab.pbx import Ports, fill, pbx_files


def test_every_place_is_filled_and_users_are_in() -> None:
    ports = Ports(sip=5070, ami_secret="hush")
    files = pbx_files(Tables(codes=(FeatureCode(Feature.CALL_RECORD, "*99"),)), ports, Path("/var/spool/x"))
    assert "bind = 127.0.0.1:5070" in files["pjsip.conf"]
    assert "CALLREC_ALWAYS_CODE = *99" in files["extensions.conf"]
    assert "CALLREC_SPOOL = /var/spool/x" in files["extensions.conf"]
    assert f'#include "{dialplan_folder()}/extensions_callrec.conf"' in files["extensions.conf"]
    assert "secret = hush" in files["manager_callrec.conf"]
    assert "CHANGE-ME" not in files["manager_callrec.conf"] + files["ari_callrec.conf"]
    assert '#include "users_pjsip.conf"' in files["pjsip.conf"]
    assert "\n[default]\n" in files["users_extensions.conf"]


def test_users_that_a_daemon_keeps_are_included_from_its_folder() -> None:
    files = pbx_files(Tables(), Ports(), Path("/var/spool/x"), Path("/etc/users"))
    assert '#include "/etc/users/users_voicemail.conf"' in files["voicemail.conf"]
    assert "users_voicemail.conf" not in files


def test_a_place_without_a_value_is_an_error() -> None:
    assert fill("a @ONE@ b@c.org", {"ONE": 1}) == "a 1 b@c.org"
    with pytest.raises(Misconfigured, match="@TWO@"):
        fill("@TWO@", {"ONE": 1})


def test_a_folder_without_a_dialplan_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLREC_DIALPLAN_DIR", str(tmp_path))
    with pytest.raises(Misconfigured, match="has no files of the small PBX") as refused:
        pbx_files(Tables(), Ports(), tmp_path)
    assert refused.value.code == "test-pbx"


def test_the_event_filter_lets_pass_what_the_daemon_reads() -> None:
    sample = (dialplan_folder() / "manager_callrec.conf.sample").read_text()
    found = re.search(r"^eventfilter = \^Event: \((.*)\)", sample, re.MULTILINE)
    assert found is not None
    assert set(found[1].split("|")) == set(WANTED)


def test_two_pbx_have_other_doors_and_secrets() -> None:
    one, two = Ports(), Ports()
    assert one.ami_secret != two.ami_secret
    assert one.ami_secret not in repr(one)
