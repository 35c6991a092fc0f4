"""TLS of the daemon's own: what it is served with, how commands ask then, and what is no certificate."""

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest

from callrec.adapters.daemon_api import DaemonApi
from callrec.adapters.disk.token import kept_token
from callrec.domain.errors import Misconfigured, Unavailable
from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web.connection_limits import Patience
from callrec.web.server import build_app, serve_http
from callrec.web.tls import tls_context

FILES = Path(__file__).parents[2] / "support" / "tls"
CERTIFICATE, KEY = FILES / "certificate.pem", FILES / "key.pem"


async def test_it_is_served_and_the_command_line_trusts_this_certificate_alone(tmp_path: Path) -> None:
    """The certificate is for a name; commands connect to the address of the setting."""
    token = kept_token(tmp_path)
    app = build_app(readiness=Readiness(), metrics=Metrics(), live=list, token=token, patience=Patience(request_s=2))
    runner, port = await serve_http(app, "127.0.0.1", 0, tls_context(CERTIFICATE, KEY))
    try:
        trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
        trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        async with aiohttp.ClientSession() as http:
            url = f"https://127.0.0.1:{port}/healthz"
            async with http.get(url, ssl=trusting, server_hostname="callrec.test") as answer:
                assert answer.status == 200
            with pytest.raises(aiohttp.ClientError):
                await http.get(f"http://127.0.0.1:{port}/healthz")
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            old.minimum_version = ssl.TLSVersion.TLSv1_2
            async with http.get(url, ssl=old) as answer:
                assert answer.version is not None
        asked = DaemonApi(f"127.0.0.1:{port}", tmp_path, CERTIFICATE)
        with pytest.raises(Exception, match="Not Found") as missing:
            await asyncio.to_thread(asked.ask, "GET", "/api/v1/nothing")
        assert "http-404" in repr(missing.value.__dict__)
        with pytest.raises(Unavailable, match="does not answer"):
            await asyncio.to_thread(DaemonApi(f"127.0.0.1:{port}", tmp_path).ask, "GET", "/api/v1/calls")
    finally:
        await runner.cleanup()


def test_the_command_line_trusts_no_other_certificate(tmp_path: Path) -> None:
    kept_token(tmp_path)
    with pytest.raises(Misconfigured, match="cannot read the certificate") as wrong:
        DaemonApi("127.0.0.1:1", tmp_path, tmp_path / "token").ask("GET", "/")
    assert wrong.value.code == "http-tls"


def test_without_both_files_there_is_no_tls() -> None:
    assert tls_context(None, None) is None
    for certificate, key, missing in ((CERTIFICATE, None, "TLS_KEY"), (None, KEY, "TLS_CERT")):
        with pytest.raises(Misconfigured, match=missing):
            tls_context(certificate, key)


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        (FILES / "absent.pem", KEY),
        (CERTIFICATE, FILES / "absent.pem"),
        (KEY, KEY),
        (CERTIFICATE, CERTIFICATE),
        (CERTIFICATE, FILES / "key-with-passphrase.pem"),
        (CERTIFICATE, Path(__file__)),
    ],
    ids=lambda path: path.name,
)
def test_what_is_no_certificate_with_its_key_is_said_at_the_start(certificate: Path, key: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot use") as wrong:
        tls_context(certificate, key)
    assert wrong.value.code == "http-tls"
    assert "without a passphrase" in wrong.value.hint
