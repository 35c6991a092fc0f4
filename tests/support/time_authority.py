"""A real authority of time stamps (RFC 3161) on loopback: `openssl ts`, with a root and a certificate of its own."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SETTINGS = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[authority]
basicConstraints = critical,CA:false
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = here
[here]
serial = ./serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""
MODES = ("wrong nonce", "another digest", "refused", "garbage", "huge", "endless", "hang", "500", "redirect", "closed")
"""What a hostile one does."""


class TimeAuthority:
    """Listens on 127.0.0.1. `mode` is `good`, or one of MODES; `asked` counts requests."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mode, self.asked = folder, "good", 0
        self.root, self.url = folder / "root.pem", ""
        self._ended = threading.Event()
        folder.mkdir(exist_ok=True)
        (folder / "settings").write_text(SETTINGS)
        (folder / "serial").write_text("01")
        key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config settings"
        self._openssl(f"req -x509 {key} -keyout root.key -out root.pem -days 3650 -subj /CN=root -extensions root")
        self._openssl(f"req {key} -keyout key -out request -subj /CN=authority")
        self._openssl(
            "x509 -req -in request -CA root.pem -CAkey root.key -CAcreateserial -days 3650 -out certificate"
            " -extfile settings -extensions authority"
        )

    @contextmanager
    def serving(self) -> Iterator["TimeAuthority"]:
        """Answer, until the end of the block."""
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                authority.asked += 1
                authority.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_: object) -> None:
                """Silent."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that goes away is no error of ours."""

        with Server(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}/tsa"
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield self
            finally:
                self._ended.set()
                server.shutdown()

    def stamp(self, query: bytes) -> bytes:
        """The answer of `openssl ts`, with the chain of certificates."""
        (self.folder / "query").write_bytes(query)
        self._openssl(
            "ts -reply -config settings -section here -queryfile query -signer certificate -inkey key -chain root.pem"
            " -out answer"
        )
        return (self.folder / "answer").read_bytes()

    def stamp_of(self, content: bytes) -> bytes:
        """A stamp of this content for a request of the authority's own."""
        (self.folder / "content").write_bytes(content)
        return self.stamp_for("-data content -sha256 -cert")

    def verify(self, folder: Path, name: str) -> str:
        """What `openssl ts -verify` says of NAME.tsr and NAME.checkpoint in this folder."""
        return self._openssl(f"ts -verify -in {name}.tsr -data {name}.checkpoint -CAfile {self.root}", folder)

    def answer(self, request: BaseHTTPRequestHandler, query: bytes) -> None:
        """Answer as the mode says."""
        if self.mode == "hang":
            self._ended.wait()
        if self.mode in {"hang", "closed"}:
            return
        body = self._body(query)
        request.send_response({"500": 500, "redirect": 302}.get(self.mode, 200))
        if self.mode == "redirect":
            request.send_header("Location", "http://127.0.0.1:1/")
        if self.mode != "endless":
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
        while self.mode == "endless" and not self._ended.is_set():
            request.wfile.write(bytes(1))
            time.sleep(0.01)

    def _body(self, query: bytes) -> bytes:
        match self.mode:
            case "good":
                return self.stamp(query)
            case "wrong nonce":  # of the same digest: an old answer that somebody sends again
                return self.stamp_for(f"-digest {_digest_in(query)} -sha256 -cert")
            case "another digest":
                return self.stamp_of(b"something else")
            case "refused":
                return self.stamp_for("-data settings -sha1 -cert")
            case "garbage":
                return b"\x30\x82\xff\xff" + bytes(range(256))
            case "huge":
                return bytes(1 << 20)
        return b""

    def stamp_for(self, words: str) -> bytes:
        """A stamp for a request that the authority makes by itself."""
        self._openssl(f"ts -query {words} -out own")
        return self.stamp((self.folder / "own").read_bytes())

    def _openssl(self, words: str, folder: Path | None = None) -> str:
        command, folder = ["openssl", *words.split()], folder or self.folder
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - a test's own words
        assert done.returncode == 0, done.stderr
        return done.stdout


def _digest_in(query: bytes) -> str:
    """The SHA-256 that a query is about: it stands behind the algorithm's name."""
    at = query.index(bytes.fromhex("0420")) + 2
    return query[at : at + 32].hex()
