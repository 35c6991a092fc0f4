"""TLS of the HTTP server: the certificate and key of CALLREC_HTTP_TLS_CERT and CALLREC_HTTP_TLS_KEY."""

import ssl
from pathlib import Path

from callrec.domain.errors import Misconfigured

HANDSHAKE_S = 5.0
"""How long a client may take to begin TLS."""


def tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """The server's side of TLS (1.2 or newer); None without both files. Blocking. Raises Misconfigured."""
    if certificate is None or key is None:
        if certificate or key:
            missing = "CALLREC_HTTP_TLS_KEY" if key is None else "CALLREC_HTTP_TLS_CERT"
            raise Misconfigured(
                "http-tls", f"{missing} is not set", hint="TLS needs a certificate and its key: set both"
            )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError, ssl.SSLError) as error:
        says = f"cannot use {certificate} with {key}: {getattr(error, 'reason', None) or error}"
        hint = "both must be PEM: the certificate with its chain, and its own key without a passphrase, readable by callrec"
        raise Misconfigured("http-tls", says, hint=hint) from error
    return context


def _no_password() -> str:
    """Asked for a key with a passphrase, which cannot be typed at an unattended start."""
    raise ValueError("the key has a passphrase")
