"""Which Asterisk is used, and what is said when there is none."""

import json
from pathlib import Path

import pytest

from callrec.domain.errors import Misconfigured, Unavailable
from callrec_lab import apt, installation
from callrec_lab.apt import Archive
from callrec_lab.installation import cache_folder, find_installation, is_supported


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a PATH without an Asterisk."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(installation, "_installed", lambda: None)
    return cache_folder()


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("sound", "versions"),
    [
        (True, "18.20 20.5 20.15 21.10 22.1 22.5 22.10 23.0"),
        (False, "16.28 18.19 19.8 20.4 20.13 21.8 22.3"),
    ],
)
def test_versions_that_record_unsoundly_are_not_used(versions: str, *, sound: bool) -> None:
    assert {is_supported(version) for version in versions.split()} == {sound}
    assert not is_supported("")


def test_the_machines_own_is_used_when_it_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "sbin/asterisk", "echo Asterisk 20.6.0~dfsg+~cs6.13.40431414")
    (tmp_path / "lib/some-triplet/asterisk/modules").mkdir(parents=True)
    (tmp_path / "share/asterisk/documentation").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{tmp_path / 'sbin'}:/usr/bin:/bin")
    found = find_installation(print)
    assert found.argv == (str(tmp_path / "sbin/asterisk"),)
    assert (found.version, found.modules) == ("20.6", tmp_path / "lib/some-triplet/asterisk/modules")


def test_the_machines_own_is_left_alone_when_it_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "sbin/asterisk", "echo Asterisk 16.28.0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'sbin'}:/usr/bin:/bin")
    assert installation._installed() is None


def fake_packages(version: str) -> str:
    """A dpkg-deb that unpacks an Asterisk of this version, whose loader is a shell script."""
    return f"""mkdir -p $3/usr/lib/tri-plet/asterisk/modules $3/usr/sbin
printf '#!/bin/sh\\necho Asterisk {version}.0\\n' > $3/usr/lib/tri-plet/ld-linux-any.so.2
chmod +x $3/usr/lib/tri-plet/ld-linux-any.so.2"""


def test_packages_are_unpacked_once(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second use finds what the first made, and says nothing."""
    script(tmp_path / "bin/dpkg-deb", fake_packages("22.10"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(installation, "fetch_packages", lambda *_: [tmp_path / "one.deb"])
    monkeypatch.setattr(Archive, "of_this_machine", lambda _: Archive(None))
    said: list[str] = []
    first = find_installation(said.append)
    assert said
    assert first.argv[0].endswith("usr/lib/tri-plet/ld-linux-any.so.2")
    said.clear()
    assert find_installation(said.append) == first
    assert said == []
    assert [path.name for path in cache.iterdir() if "unpacking" in path.name] == []


def test_a_suite_without_a_sound_version_is_refused_and_leaves_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "bin/dpkg-deb", fake_packages("22.3"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(installation, "fetch_packages", lambda *_: [tmp_path / "one.deb"])
    monkeypatch.setattr(Archive, "of_this_machine", lambda _: Archive(None))
    with pytest.raises(Unavailable, match=r"has Asterisk 22\.3"):
        find_installation(print)
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def test_a_missing_tool_is_named(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Misconfigured, match="apt-get and dpkg-deb"):
        find_installation(print)
    assert not list(cache.glob("asterisk-*/"))


def test_a_damaged_note_counts_as_nothing_unpacked(cache: Path) -> None:
    (cache / "some").mkdir(parents=True)
    for text in ("", "{}", "[]", json.dumps({"loader": "a", "libraries": "b", "modules": "c", "version": "16.1"})):
        (cache / "some/installation.json").write_text(text)
        assert installation._unpacked(cache / "some") is None


def test_no_network_is_said_with_the_last_complaint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "bin/apt-get", "echo 'E: Failed to fetch the list'; exit 100")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(Unavailable, match="E: Failed to fetch the list") as caught:
        apt.fetch_packages(Archive("deb x y z"), ["asterisk"], tmp_path / "apt", print)
    assert "network" in caught.value.hint


def test_progress_counts_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(
        tmp_path / "bin/apt-get", 'echo "0 upgraded, 40 newly installed"; for i in $(seq 40); do echo "Get:$i x"; done'
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    said: list[str] = []
    assert apt.fetch_packages(Archive(None), ["asterisk"], tmp_path / "apt", said.append) == []
    assert said[1:] == ["Asterisk: 20 of 40 packages downloaded", "Asterisk: 40 of 40 packages downloaded"]


def test_the_archive_is_the_machines_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its main archive and not the security one, with the key that its sources name."""
    key = tmp_path / "own.gpg"
    key.touch()
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/a.sources").write_text(
        f"Types: deb\nURIs: http://mirror/security\n\nTypes: deb\nURIs: http://mirror/debian\nSigned-By: {key}\n"
    )
    monkeypatch.setattr(apt, "_SOURCES", tmp_path)
    targets = [("http://mirror/security/", "x-security", "main"), ("http://mirror/debian/", "x-updates", "main"),
               ("http://mirror/debian/", "x", "contrib"), ("http://mirror/debian/", "x", "main")]  # fmt: skip
    monkeypatch.setattr(apt, "_index_targets", lambda: targets)
    monkeypatch.setattr(apt.platform, "freedesktop_os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "x"})
    assert Archive.of_this_machine("suite") == Archive(f"deb [signed-by={key}] http://mirror/debian/ suite main")
    monkeypatch.setattr(apt.platform, "freedesktop_os_release", lambda: {"ID": "ubuntu"})
    assert Archive.of_this_machine("suite") == Archive(None)


def test_sources_of_one_line_name_their_key_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "own.gpg"
    key.touch()
    (tmp_path / "sources.list").write_text(f"deb [arch=any signed-by={key}] http://mirror/debian x main\n")
    monkeypatch.setattr(apt, "_SOURCES", tmp_path)
    assert apt._keyring("http://mirror/debian/") == key
    monkeypatch.setattr(apt, "_DEBIAN_KEYRING", tmp_path / "absent.gpg")
    with pytest.raises(Misconfigured, match="key"):
        apt._keyring("http://elsewhere/")


def test_sources_without_an_archive_are_named() -> None:
    with pytest.raises(Misconfigured, match="no Debian archive"):
        apt._archive_uri([("http://mirror/security/", "x-security", "main")], "x")
