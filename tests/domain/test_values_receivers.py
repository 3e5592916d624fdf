"""Where webhooks may go: every way to write an address that is none of the public ones."""

from ipaddress import ip_network

import pytest

from domain.errors import Invalid
from domain.values.receivers import forbidden, parse_networks, parse_receiver

HERE = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.31.255.255",
        "192.168.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
    ],
)
def test_addresses_to_which_nothing_is_sent(address):
    assert forbidden(address, ())


@pytest.mark.parametrize("address", ["18.7.7.7", "::ffff:18.7.7.7", "2a00:1450::1"])
def test_public_addresses(address):
    assert forbidden(address, ()) is None


def test_networks_that_an_operator_named():
    ours = parse_networks("10.1.0.0/16, fd00:1::/32")
    assert forbidden("10.1.2.3", ours) is None
    assert forbidden("::ffff:10.1.2.3", ours) is None
    assert forbidden("fd00:1::9", ours) is None
    assert forbidden("10.2.0.1", ours) == "10.2.0.1 is in 10.0.0.0/8, private use (RFC 1918)"
    assert parse_networks("") == ()
    with pytest.raises(ValueError):
        parse_networks("10.1.0.1/16")


@pytest.mark.parametrize("url", ["https://example.edu", "https://example.edu:8443/in?x=1", "https://18.7.7.7/", "https://[2a00:1450::1]/"])
def test_addresses_that_are_taken(url):
    assert parse_receiver(url, ()) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.edu",
        "//example.edu/",
        "http://example.edu/",
        "ftp://example.edu/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user@example.edu/",
        "https://user:word@example.edu/",
        "https://@example.edu/",
        "https://example.edu/#part",
        "https://example.edu/#",
        "https://example.edu:99999/",
        "https://example.edu:0/",
        "https://exa mple.edu/",
        "https://example.edu\\@10.0.0.1/",
        "https://example.edu/\r\nHost: x",
        "https://exämple.edu/",
        "https://[::1",
        "https://localhost/",
        "http://localhost:8000/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest",
        "https://example.edu/" + "x" * 2_000,
    ],
)
def test_addresses_that_are_refused(url):
    with pytest.raises(Invalid) as refused:
        parse_receiver(url, ())
    assert refused.value.field == "url"


def test_without_tls_only_to_this_machine_and_only_where_an_operator_says_so():
    assert parse_receiver("http://127.0.0.1:9000/", HERE) == "http://127.0.0.1:9000/"
    assert parse_receiver("http://localhost:9000/", HERE)
    for url in ("http://example.edu/", "http://10.0.0.1/", "https://10.0.0.1/"):
        with pytest.raises(Invalid):
            parse_receiver(url, HERE)
    with pytest.raises(Invalid):
        parse_receiver("http://127.0.0.1/", (ip_network("10.0.0.0/8"),))
