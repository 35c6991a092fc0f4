"""Signatures as the reference libraries of Standard Webhooks make them."""

import base64

import pytest

from callrec.domain.errors import Refused
from callrec.protocols.standard_webhooks import secret_key, secret_text, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT_S, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'


def test_the_reference_vector() -> None:
    assert signed_headers(ID, AT_S, BODY, [SECRET]) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_secret_signs() -> None:
    other = secret_text(bytes(range(32)))
    both = signed_headers(ID, AT_S, BODY, [other, SECRET])["webhook-signature"].split(" ")
    alone = [signed_headers(ID, AT_S, BODY, [one])["webhook-signature"] for one in (other, SECRET)]
    assert both == alone
    assert len(set(both)) == 2


@pytest.mark.parametrize("what", [("x" + ID, AT_S, BODY), (ID, AT_S + 1, BODY), (ID, AT_S, BODY + b" ")])
def test_the_signature_covers_id_time_and_body(what: tuple[str, int, bytes]) -> None:
    signed = signed_headers(ID, AT_S, BODY, [SECRET])["webhook-signature"]
    assert signed_headers(*what, [SECRET])["webhook-signature"] != signed


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_secret_of_the_right_length_is_read_back(size: int) -> None:
    assert secret_key(secret_text(bytes(size))) == bytes(size)
    assert secret_key(base64.b64encode(bytes(size)).decode()) == bytes(size), (
        "the prefix may be missing, as in the libraries"
    )


@pytest.mark.parametrize(
    "secret", ["", "whsec_", secret_text(bytes(23)), secret_text(bytes(65)), "whsec_!!!", "whsec_é"]
)
def test_another_secret_is_refused(secret: str) -> None:
    with pytest.raises(Refused) as found:
        secret_key(secret)
    assert found.value.code == "webhook-secret"
    assert secret.removeprefix("whsec_") in {"", "!!!"} or secret not in str(found.value)
