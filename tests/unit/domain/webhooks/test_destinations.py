"""Webhooks go to public addresses, and into networks that the operator allows."""

from ipaddress import ip_address

import pytest

from callrec.domain.errors import Refused
from callrec.domain.webhooks.destinations import LONGEST_URL, checked_url, inner, is_private, may_go_to, networks

LAN = networks(["10.1.0.0/16", "127.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_a_public_address_is_allowed(address: str) -> None:
    assert may_go_to(ip_address(address), ())


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00::1", "ff02::1", "2001:db8::1", "100::1", "4000::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
        *("2002:7f00:1::1", "2002:a9fe:a9fe::", "64:ff9b:1::7f00:1", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
    ],
)
def test_a_private_one_in_any_notation_is_not(address: str) -> None:
    assert not may_go_to(ip_address(address), ())


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "fd00::1"])
def test_a_private_address_is_allowed_in_the_networks_of_the_operator(address: str) -> None:
    assert may_go_to(ip_address(address), LAN)
    assert is_private(ip_address(address), LAN)


@pytest.mark.parametrize("address", ["10.2.0.1", "192.168.0.1", "::1", "64:ff9b::a9fe:a9fe"])
def test_and_no_other(address: str) -> None:
    assert not may_go_to(ip_address(address), LAN)


def test_a_public_address_is_in_no_network_of_the_operator() -> None:
    assert not is_private(ip_address("8.8.8.8"), LAN)
    assert inner(ip_address("8.8.8.8")) == ip_address("8.8.8.8")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:8443/a?b=c",
        "https://8.8.8.8/",
        "http://10.1.0.1/x",
        "http://crm.lan/",
    ],
)
def test_a_url_of_a_receiver(url: str) -> None:
    assert checked_url(url, LAN) == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "example.com",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "https://[::1",
            "//example.com",
        ),
        *(
            "https://user@example.com",
            "https://user:hunter2@example.com",
            "https://:@example.com",
            "https://example.com/#x",
        ),
        *("https://example.com:0/", "https://example.com:99999/", "https://exa mple.com", "https://example.com/\n"),
        *("https://169.254.169.254/", "https://[fe80::1]/", "http://8.8.8.8/", "https://192.168.0.1"),
        *("https://exämple.com", "https://example.com/" + "x" * LONGEST_URL),
    ],
)
def test_another_is_refused_with_the_reason(url: str) -> None:
    with pytest.raises(Refused) as found:
        checked_url(url, LAN)
    assert found.value.code == "webhook-url"
    assert "hunter2" not in str(found.value)


def test_plain_http_needs_an_allowed_network() -> None:
    with pytest.raises(Refused, match="CALLREC_WEBHOOK_NETWORKS"):
        checked_url("http://crm.lan/", ())
