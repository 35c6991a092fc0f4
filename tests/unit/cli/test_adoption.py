"""Old recordings over the command line: whose library it is."""

import os
from pathlib import Path

import pytest

from callrec.cli.adoption import _same_owner
from callrec.domain.errors import Refused


def test_only_the_owner_of_the_library_adopts_into_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _same_owner(tmp_path)
    _same_owner(tmp_path / "not there yet")
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(Refused, match=r"belongs to the user .*, and the daemon could not read") as refused:
        _same_owner(tmp_path)
    assert refused.value.code == "adopt-owner"
    assert refused.value.hint == f"run it as {tmp_path.owner()}"
