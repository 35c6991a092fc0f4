"""SIP in and out of its parts, and answers to challenges."""

import hashlib
import re

import pytest

from callrec.domain.errors import Corrupt, Refused
from callrec_lab.sip import Challenge, SipMessage, challenge_of, parse, proof, written

NOTIFY = (
    b"NOTIFY sip:george@127.0.0.1:5070 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\n"
    b'f: "1000" <sip:1000@127.0.0.1>;tag=far\r\nTO: <sip:george@127.0.0.1> ; tag = near\r\ni: abc\r\nCSeq: 7 NOTIFY\r\n'
    b"Subject: one\r\n two\r\nContent-Type:text/plain\r\nl: 4\r\n\r\nbodyand more"
)
QOP = 'realm="asterisk",nonce="1/n",opaque="o",algorithm=MD5,qop="auth"'
SECRETS = ["plain", 'with"quotes;and-semicolons\\', "a:b,c=d", " ", "für"]


def _challenged(value: str, *, status: str = "401 Unauthorized", header: str = "www-authenticate") -> SipMessage:
    return SipMessage(f"SIP/2.0 {status}", ((header, value),))


def test_a_request_comes_apart_with_short_names_folds_and_a_body_as_long_as_it_says() -> None:
    message = parse(NOTIFY)
    assert (message.method, message.status, message.sequence) == ("NOTIFY", 0, (7, "NOTIFY"))
    assert (message.tag("from"), message.tag("to")) == ("far", "near")
    assert (message.uri("from"), message.uri("via")) == ("sip:1000@127.0.0.1", "SIP/2.0/UDP 127.0.0.1:5060")
    assert (message.get("subject"), message.get("call-id"), message.get("x"), message.body) == (
        "one two",
        "abc",
        "",
        "body",
    )


def test_a_response_has_a_status_and_no_method() -> None:
    message = parse(b"SIP/2.0 404 Not Found\r\nCSeq: 1 SUBSCRIBE\r\nVia: a\r\nVia: b\r\n\r\n")
    assert (message.method, message.status, message.all("via"), message.tag("to")) == ("", 404, ["a", "b"], "")
    assert SipMessage("SIP/2.0 huh", ()).status == 0


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\0\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"OPTIONS x SIP/2.0\r\nno header\r\n\r\n",
        b"OPTIONS x SIP/2.0\r\n: nameless\r\n\r\n",
        b"OPTIONS x SIP/2.0\r\nVia: cut",
        b"OPTIONS x SIP/2.0\r\nl: 9\r\n\r\nbody",
        b"OPTIONS x SIP/2.0\r\nl: -1\r\n\r\nbody",
    ],
)
def test_what_is_no_sip_message_is_corrupt(datagram: bytes) -> None:
    with pytest.raises(Corrupt):
        parse(datagram)


@pytest.mark.parametrize("value", ["", "SUBSCRIBE", "x SUBSCRIBE"])
def test_a_message_without_a_number_is_corrupt(value: str) -> None:
    with pytest.raises(Corrupt):
        _ = SipMessage("SIP/2.0 200 OK", (("cseq", value),)).sequence


def test_what_is_written_comes_apart_again() -> None:
    message = parse(written("SUBSCRIBE sip:1000@127.0.0.1 SIP/2.0", [("Event", "dialog"), ("Expires", 0)]))
    assert message.headers == (("event", "dialog"), ("expires", "0"), ("content-length", "0"))


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0"])
def test_no_value_begins_a_line_of_its_own(value: str) -> None:
    with pytest.raises(Refused):
        written("SUBSCRIBE x SIP/2.0", [("Event", value)])
    with pytest.raises(Refused):
        written(f"SUBSCRIBE {value} SIP/2.0", [])


def test_a_challenge_is_read() -> None:
    assert challenge_of(_challenged(f"Digest {QOP}")) == Challenge("Authorization", "asterisk", "1/n", "o")
    quoted = r'DIGEST nonce = "a,b" , realm="say \"hi\"", qop="auth-int, auth"'
    assert challenge_of(_challenged(quoted)) == Challenge("Authorization", r"say \"hi\"", "a,b")
    by_proxy = _challenged(f"Digest {QOP}", status="407 Proxy Authentication Required", header="proxy-authenticate")
    assert challenge_of(by_proxy).answered_by == "Proxy-Authorization"


def test_of_several_challenges_one_that_can_be_answered_is_taken() -> None:
    offers = (f"Digest {QOP.replace('MD5', 'SHA-256')}", f"Digest {QOP}")
    answer = SipMessage("SIP/2.0 401 Unauthorized", tuple(("www-authenticate", offer) for offer in offers))
    assert challenge_of(answer).realm == "asterisk"


@pytest.mark.parametrize(
    "value", [f"Digest {QOP.replace('MD5', 'SHA-256')}", 'Digest realm="a",nonce="b"', f"Basic {QOP}", ""]
)
def test_another_kind_of_challenge_is_refused(value: str) -> None:
    with pytest.raises(Refused, match="MD5 and qop=auth"):
        challenge_of(_challenged(value))


def test_a_challenge_is_answered_as_in_the_example_of_rfc_2617() -> None:
    """Its section 3.5: Mufasa, Circle Of Life."""
    asked = Challenge(
        "Authorization",
        "testrealm@host.com",
        "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "5ccc069c403ebaf9f0171e9517f40e41",
    )
    name, value = proof(asked, "Mufasa", "Circle Of Life", ("GET", "/dir/index.html"), "0a4f113b")
    assert name == "Authorization"
    assert 'response="6629fae49393a05397450978507c4ef1"' in value
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in value
    assert "opaque" not in proof(Challenge("Authorization", "r", "n"), "u", "s", ("GET", "/"), "c")[1]


@pytest.mark.parametrize("secret", SECRETS)
def test_any_secret_can_be_proven_and_none_is_said(secret: str) -> None:
    """The other side computes the same from what it knows: the secret is hashed as it is, quotes, backslashes and all."""
    _, value = proof(Challenge("Authorization", "asterisk", "n"), "george", secret, ("SUBSCRIBE", "sip:1000@pbx"), "c")
    said = dict(re.findall(r'(\w+)="?([^",]*)"?', value))
    who = hashlib.md5(f"george:asterisk:{secret}".encode(), usedforsecurity=False).hexdigest()
    what = hashlib.md5(b"SUBSCRIBE:sip:1000@pbx", usedforsecurity=False).hexdigest()
    right = hashlib.md5(f"{who}:n:{said['nc']}:c:auth:{what}".encode(), usedforsecurity=False).hexdigest()
    assert said["response"] == right
    assert secret == " " or secret not in value
