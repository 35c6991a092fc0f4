"""The settings: where they come from, what is refused, and what is never shown."""

import os
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from callrec.adapters.disk import setting_files
from callrec.config import Confirm, Server, Settings, former_names, read_settings, split_bind
from callrec.domain.errors import Misconfigured
from callrec.domain.library.manifest import Format

SECRET = "ami://callrec:s3cret@pbx:5038"


def secret_in(name: str, mode: int) -> str:
    """A file with the manager's address and secret; its name."""
    Path(name).write_text(f"{SECRET}\n")
    Path(name).chmod(mode)
    return name


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment of whoever runs the tests nor a callrec.toml of theirs."""
    import os

    for key in [key for key in os.environ if key.startswith("CALLREC_")]:
        monkeypatch.delenv(key)
    monkeypatch.chdir(tmp_path)


def test_without_any_setting_the_defaults_of_the_contract_hold() -> None:
    settings = read_settings()

    assert settings.redis_url == "embedded:"
    assert (settings.agi_bind, settings.http_bind) == ("127.0.0.1:4573", "127.0.0.1:8080")
    assert (settings.format, settings.confirm, settings.log_personal) == (Format.WAV, Confirm.BOTH, False)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("callrec.toml").write_text('format = "flac"\nintake_workers = 3\n')
    monkeypatch.setenv("CALLREC_FORMAT", "opus")
    settings = read_settings()

    assert (settings.format, settings.intake_workers) == (Format.OPUS, 3)


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    secret_in("ami", 0o640)
    monkeypatch.setenv("CALLREC_AMI_URL_FILE", "ami")

    assert read_settings().ami_url == SECRET


def test_a_secret_may_come_from_a_file_that_the_settings_file_names(monkeypatch: pytest.MonkeyPatch) -> None:
    secret_in("ami", 0o600)
    Path("callrec.toml").write_text('ami_url_file = "ami"\n')
    assert read_settings().ami_url == SECRET

    monkeypatch.setenv("CALLREC_AMI_URL", "ami://other@pbx")
    assert read_settings().ami_url == "ami://other@pbx"


def test_a_settings_file_that_names_a_setting_and_its_file_is_refused() -> None:
    Path("callrec.toml").write_text('ami_url_file = "ami"\nami_url = "ami://a:b@c"\n')
    Path("callrec.toml").chmod(0o600)
    with pytest.raises(Misconfigured, match=r"callrec\.toml: ami_url and ami_url_file are both set") as refused:
        read_settings()
    assert refused.value.code == "setting-twice"


@pytest.mark.parametrize("value", ['"/nowhere"', "3"])
def test_a_secret_file_of_the_settings_file_that_is_none_is_named(value: str) -> None:
    Path("callrec.toml").write_text(f"ami_url_file = {value}\n")
    with pytest.raises(Misconfigured, match=r"callrec\.toml: ami_url_file") as refused:
        read_settings()
    assert refused.value.code == "setting-file"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_a_secret_that_every_user_of_the_machine_may_read_or_change_is_refused(
    monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    secret_in("ami", mode)
    Path("callrec.toml").write_text('ami_url_file = "ami"\n')
    with pytest.raises(Misconfigured, match=r"ami contains a secret.*chmod o-rwx ami") as refused:
        read_settings()
    assert refused.value.code == "setting-file-open"
    assert "s3cret" not in str(refused.value)

    monkeypatch.setenv("CALLREC_AMI_URL_FILE", "ami")
    Path("callrec.toml").unlink()
    with pytest.raises(Misconfigured, match="ami contains a secret"):
        read_settings()


def test_a_settings_file_with_a_secret_is_as_private_as_the_secret() -> None:
    Path("callrec.toml").write_text(f'format = "flac"\nari_url = "{SECRET}"\n')
    Path("callrec.toml").chmod(0o644)
    with pytest.raises(Misconfigured, match=r"callrec\.toml contains a secret") as refused:
        read_settings()
    assert "s3cret" not in str(refused.value)

    Path("callrec.toml").chmod(0o640)
    assert read_settings().format is Format.FLAC


@pytest.mark.parametrize(("mode", "refused"), [(0o777, True), (0o1777, False), (0o770, False)])
def test_a_secret_that_every_user_may_replace_is_refused(
    monkeypatch: pytest.MonkeyPatch, mode: int, refused: bool
) -> None:
    """Who may write in its folder, or in that of a link to it; the sticky bit keeps others' files."""
    for name in ("private", "folder"):
        Path(name).mkdir(mode=0o700)
    secret_in("private/ami", 0o600)
    Path("folder/ami").symlink_to("../private/ami")
    Path("folder").chmod(mode)
    for named in ("folder/ami", secret_in("folder/own", 0o600)):
        monkeypatch.setenv("CALLREC_AMI_URL_FILE", named)
        with pytest.raises(Misconfigured, match=r"may replace it .*chmod o-w .*/folder") if refused else nullcontext():
            assert read_settings().ami_url == SECRET


def test_what_holds_no_secret_may_be_read_by_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("callrec.toml").write_text('format = "flac"\nredis_url = "redis://host:6379/0"\n')
    Path("callrec.toml").chmod(0o644)
    Path("node").write_text("north\n")
    Path("node").chmod(0o644)
    monkeypatch.setenv("CALLREC_NODE_FILE", "node")
    assert (read_settings().format, read_settings().node) == (Format.FLAC, "north")


def test_a_container_has_its_secrets_in_memory_readable_by_all_of_its_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The engine mounts them with mode 444; the same file on a disk is refused."""
    with TemporaryDirectory(dir="/dev/shm") as memory:
        for folder, refused in ((Path(memory), False), (tmp_path, True)):
            monkeypatch.setattr(setting_files, "CONTAINER_SECRETS", folder)
            monkeypatch.setenv("CALLREC_AMI_URL_FILE", secret_in(str(folder / "ami"), 0o444))
            with pytest.raises(Misconfigured) if refused else nullcontext():
                assert read_settings().ami_url == SECRET


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("CALLREC_AGI_BIND", "4573"),
        ("CALLREC_AGI_BIND", "127.0.0.1:70000"),
        ("CALLREC_AGI_BIND", "127.0.0.1:١٢"),
        ("CALLREC_HTTP_BIND", ":8080"),
        ("CALLREC_RECORDING_VARIABLE", "callrec_rule"),
        ("CALLREC_RECORDING_VARIABLE", "A B"),
        ("CALLREC_RECORDING_CDR", "user)field"),
        ("CALLREC_WEBHOOK_NETWORKS", "10.0.0.1/8"),
        ("CALLREC_WEBHOOK_KEEP_H", "0"),
        ("CALLREC_USER_EVENTS", "wazo"),
        ("CALLREC_HTTP_HOSTS", "http://rec.example.com/"),
        ("CALLREC_SPOOL_DIR", "/tmp/a,b"),  # noqa: S108 - a name that is refused
        ("CALLREC_SPOOL_DIR", "/tmp/a b"),  # noqa: S108 - a name that is refused
        ("CALLREC_NODE", "a/b"),
        ("CALLREC_FORMAT", "aiff"),
        ("CALLREC_PAUSE_MAX_S", "0"),
        ("CALLREC_ANNOUNCE_MAX_S", "4"),
        ("CALLREC_BEEP_S", "4.9"),
        ("CALLREC_BEEP_S", "601"),
        ("CALLREC_BEEP_S", "-5"),
        ("CALLREC_OPT_OUT_DIGIT", "12"),
        ("CALLREC_OPT_OUT_DIGIT", "a"),
        ("CALLREC_PROMPTS_DIR", "/srv/a&b"),
        ("CALLREC_INTAKE_WORKERS", "99"),
        ("CALLREC_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_names_its_setting(monkeypatch: pytest.MonkeyPatch, key: str, value: str) -> None:
    monkeypatch.setenv(key, value)
    with pytest.raises(Misconfigured, match=f"{key}: "):
        read_settings()


def test_a_former_name_of_a_setting_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment and in the file; the present name and the former one exclude each other."""
    assert former_names(os.environ) == []
    monkeypatch.setenv("CALLREC_MAX_PAUSE_S", "7")
    assert read_settings().pause_max_s == 7
    assert former_names(os.environ) == [("max_pause_s", "pause_max_s")]
    monkeypatch.setenv("CALLREC_PAUSE_MAX_S", "8")
    with pytest.raises(Misconfigured) as caught:
        read_settings()
    assert caught.value.code == "setting-twice"
    monkeypatch.delenv("CALLREC_MAX_PAUSE_S")
    monkeypatch.delenv("CALLREC_PAUSE_MAX_S")
    Path("callrec.toml").write_text("max_pause_s = 9\n")
    assert (read_settings().pause_max_s, former_names(os.environ)) == (9, [("max_pause_s", "pause_max_s")])
    Path("callrec.toml").write_text("max_pause_s = 9\npause_max_s = 9\n")
    with pytest.raises(Misconfigured) as caught:
        read_settings()
    assert caught.value.code == "setting-twice"


def test_the_names_of_our_host_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLREC_HTTP_HOSTS", "rec.example.com, 10.0.0.5:8080 [::1]")
    assert read_settings().http_hosts == ("rec.example.com", "10.0.0.5:8080", "[::1]")
    assert read_settings().shown()["http_hosts"] == "rec.example.com, 10.0.0.5:8080, [::1]"
    monkeypatch.delenv("CALLREC_HTTP_HOSTS")
    Path("callrec.toml").write_text('http_hosts = ["rec.example.com"]\n')
    assert read_settings().http_hosts == ("rec.example.com",)


@pytest.mark.parametrize(
    ("bind", "parts"), [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:8080", ("::1", 8080)), ("::1:80", ("::1", 80))]
)
def test_an_address_to_listen_on_is_a_host_and_a_port(bind: str, parts: tuple[str, int]) -> None:
    assert split_bind(bind) == parts


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLREC_NODE", "a/b")
    monkeypatch.setenv("CALLREC_FORMAT", "aiff")
    with pytest.raises(Misconfigured, match=r"CALLREC_NODE.*CALLREC_FORMAT|CALLREC_FORMAT.*CALLREC_NODE") as refused:
        read_settings()
    assert refused.value.code == "setting"


@pytest.mark.parametrize("key", ["CALLREC_FROMAT", "CALLREC_FROMAT_FILE", "CALLREC_"])
def test_a_misspelt_setting_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv(key, "flac")
    with pytest.raises(Misconfigured, match=f"{key} is not a setting") as refused:
        read_settings()
    assert refused.value.code == "setting"


def test_a_misspelt_setting_in_the_file_is_refused() -> None:
    Path("callrec.toml").write_text('fromat = "flac"\n')
    with pytest.raises(Misconfigured, match="FROMAT"):
        read_settings()


@pytest.mark.parametrize("content", [b"format = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(content: bytes) -> None:
    Path("callrec.toml").write_bytes(content)
    with pytest.raises(Misconfigured, match=r"callrec\.toml cannot be read") as refused:
        read_settings()
    assert refused.value.code == "setting-file"


def test_a_file_that_was_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLREC_CONFIG", "/nowhere/callrec.toml")
    with pytest.raises(Misconfigured, match="/nowhere") as refused:
        read_settings()
    assert refused.value.code == "setting-file"


def test_a_secret_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLREC_AMI_URL_FILE", "/nowhere")
    with pytest.raises(Misconfigured, match="CALLREC_AMI_URL_FILE"):
        read_settings()


def test_a_setting_that_comes_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLREC_AMI_URL", "ami://a:b@c")
    monkeypatch.setenv("CALLREC_AMI_URL_FILE", "ami")
    with pytest.raises(Misconfigured, match="both set") as refused:
        read_settings()
    assert refused.value.code == "setting-twice"


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:s3cret@host:6379/0",
        "redis://:s3cret@host",
        "redis://user:s3cret@s3cret@host",
        "rediss://host/0?password=s3cret&x=1",
        "ami://user:s3cret:s3cret@host:5038",
    ],
)
def test_no_password_is_shown_however_carelessly_it_was_written(url: str) -> None:
    settings = Settings(redis_url=url, ami_url=url, ari_url=url)

    assert "s3cret" not in str(settings.shown())
    assert "host" in settings.shown()["redis_url"]


def test_wrong_values_are_not_repeated_since_they_may_hold_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLREC_AGI_BIND", "s3cret")
    with pytest.raises(Misconfigured) as refused:
        read_settings()
    assert "s3cret" not in str(refused.value)


def test_the_secrets_are_known_quoted_and_as_they_are() -> None:
    settings = Settings(ami_url="ami://u:a%2Fb@h", ari_url="http://u:two@h", redis_url="embedded:")
    assert settings.secrets() == ["a%2Fb", "two", "a/b", "two"]


def test_a_server_is_read_out_of_its_address() -> None:
    server = Server("http://callrec:a%40b@pbx/ari/", 8088)
    assert (server.host, server.port, server.username, server.secret) == ("pbx", 8088, "callrec", "a@b")
    assert server.base == "http://pbx:8088/ari"


@pytest.mark.parametrize("url", ["", "pbx:5038", "ami://pbx", "ami://user:s3cret@pbx:port"])
def test_what_is_no_address_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Server(url, 5038)
    assert refused.value.code == "url"
    assert "s3cret" not in str(refused.value)


def test_a_beep_is_off_or_comes_in_a_bearable_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, beep_s in (("0", 0.0), ("5", 5.0), ("600", 600.0)):
        monkeypatch.setenv("CALLREC_BEEP_S", said)
        assert read_settings().beep_s == beep_s
