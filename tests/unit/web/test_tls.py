"""TLS of the daemon's own: what it is served with, that commands ask without it, and what is no certificate."""

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest

from callrec.adapters.daemon_api import DaemonApi
from callrec.adapters.daemon_socket import listening
from callrec.adapters.disk.token import kept_token
from callrec.domain.errors import Misconfigured, Refused
from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web.connection_limits import Patience
from callrec.web.server import build_app, serve_http
from callrec.web.tls import tls_context

FILES = Path(__file__).parents[2] / "support" / "tls"
CERTIFICATE, KEY = FILES / "certificate.pem", FILES / "key.pem"


async def test_it_is_served_on_the_address_and_commands_ask_on_the_socket(tmp_path: Path) -> None:
    """The certificate is for a name. The socket needs none: the kernel says who listens."""
    token = kept_token(tmp_path)
    app = build_app(readiness=Readiness(), metrics=Metrics(), live=list, token=token, patience=Patience(request_s=2))
    runner, port = await serve_http(app, "127.0.0.1", 0, tls_context(CERTIFICATE, KEY), listening(tmp_path))
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
        with pytest.raises(Refused, match="Not Found") as missing:
            await asyncio.to_thread(DaemonApi(tmp_path).ask, "GET", "/api/v1/nothing")
        assert missing.value.code == "http-404"
    finally:
        await runner.cleanup()


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
