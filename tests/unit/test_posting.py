"""Posts to hostile receivers and hostile names: what they can do, and how long it takes."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from graph_orch import posting
from graph_orch.domain.webhooks import Post, asked_for, is_public, new_secret, url_of
from graph_orch.errors import ValidationError
from graph_orch.posting import Poster
from tests.webhook_receiver import Receiver

LOOPBACK = [ip_network("127.0.0.0/8")]
SECRET = new_secret()


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


HAS_IPV6 = _has_ipv6()


def post(*urls: str, allowed=LOOPBACK, secrets=(SECRET,)):
    posts = [Post(f"id-{place}", url, '{"a":"ä"}', secrets) for place, url in enumerate(urls)]

    async def send():
        poster = Poster(allowed)
        try:
            return await poster.post_all(posts)
        finally:
            await poster.close()

    return asyncio.run(send())


@contextmanager
def raw(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that answers by hand, whatever is asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            try:
                with connection:
                    connection.recv(65_536)
                    talk(connection)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def soon(monkeypatch):
    """As posts behave that are given up after a second."""
    monkeypatch.setattr(posting, "POST_SECONDS", 1.0)
    monkeypatch.setattr(posting, "BODY_SECONDS", 0.3)


def test_what_is_sent_verifies_also_by_the_secret_before():
    old = new_secret()
    for secrets in ([SECRET], [old]):
        with Receiver(*secrets) as receiver:
            (answer,) = post(receiver.url, secrets=(SECRET, old))
        assert (answer.status, answer.delivered, receiver.wrong) == (200, True, [])
        assert receiver.got[0].signatures == 2
    with Receiver(new_secret()) as receiver:
        post(receiver.url)
    assert len(receiver.wrong) == 1


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6 loopback")
def test_an_ipv6_address_is_named_in_brackets():
    asked: list[bytes] = []
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(65_536))
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        port = server.getsockname()[1]
        (answer,) = post(f"http://[::1]:{port}/x", allowed=[ip_network("::1/128")])
    assert answer.delivered
    hosts = [line for line in asked[0].split(b"\r\n") if line.lower().startswith(b"host:")]
    assert hosts == [f"Host: [::1]:{port}".encode()]


@pytest.mark.parametrize("status", [100, 199, 300, 301, 302, 307, 404, 410, 429, 500, 599])
def test_all_but_2xx_is_a_failure_and_redirects_are_not_followed(status, soon):
    with Receiver(SECRET) as trap, Receiver(SECRET) as receiver:
        receiver.answer = lambda got: (status, {"Location": trap.url}, b"")
        (answer,) = post(receiver.url)
        assert not answer.delivered
        assert answer.gone == (status == 410)
        assert trap.got == []


def headers_for_ever(it: socket.socket) -> None:
    it.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        it.sendall(b"X-More: " + b"x" * 1_000 + b"\r\n")


def drip(it: socket.socket) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX-More: " + b"x" * 10_000:
        it.sendall(bytes([letter]))
        time.sleep(0.05)


def informed_for_ever(it: socket.socket) -> None:
    while True:
        it.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")


@pytest.mark.parametrize(
    "talk",
    [
        lambda it: None,
        lambda it: it.sendall(b"SSH-2.0-OpenSSH_9\r\n"),
        lambda it: it.sendall(b"HTTP/1.1 200"),
        lambda it: it.sendall(b"HTTP/1.1 99999 OK\r\n\r\n"),
        lambda it: it.sendall(b"\x00" * 200_000),
        lambda it: it.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000),
        lambda it: time.sleep(3),
        headers_for_ever,
        drip,
        informed_for_ever,
    ],
    ids=lambda it: it.__name__,
)
def test_what_is_no_answer_is_a_failure_in_bounded_time(talk, soon):
    with raw(talk) as url:
        began = time.monotonic()
        (answer,) = post(url)
    assert (answer.status, answer.delivered) == (None, False)
    assert time.monotonic() - began < 2.5


def endless(it: socket.socket) -> None:
    it.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        it.sendall(b"x" * 65_536)


def slow_body(it: socket.socket) -> None:
    it.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")
    time.sleep(3)


def broken_chunks(it: socket.socket) -> None:
    it.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\nzz\r\n")


def bomb(it: socket.socket) -> None:
    it.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    )


@pytest.mark.parametrize("talk", [endless, slow_body, broken_chunks, bomb])
def test_whatever_follows_a_status_of_success_it_arrived(talk, soon):
    with raw(talk) as url:
        began = time.monotonic()
        (answer,) = post(url)
    assert (answer.status, answer.delivered) == (200, True)
    assert len(answer.text or "") <= posting.MOST_KEPT
    assert time.monotonic() - began < 2.5


NOT_PUBLIC = """
    127.0.0.1 2130706433 017700000001 0x7f000001 0x7f.1 127.1 0 0.0.0.0 localhost [::1]
    [::ffff:127.0.0.1] [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::] [fe80::1] [fd00::1] 10.0.0.1
    169.254.169.254 192.168.0.1 172.16.0.1 100.64.0.1 224.0.0.1 255.255.255.255 [ff02::1]
    198.18.0.1 192.0.2.1 192.88.99.1 [2001:db8::1] [2001::1] [3fff::1] [100::1] [fec0::1] [::]
    240.0.0.1 [5f00::1] [2620:4f:8000::1]
"""


@pytest.mark.parametrize("host", NOT_PUBLIC.split())
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_is_not_public_is_refused(scheme, host, monkeypatch):
    def connect(*_: object) -> None:
        pytest.fail("it connected")

    monkeypatch.setattr("anyio.connect_tcp", connect)
    (answer,) = post(url_of(f"{scheme}://{host}:9/"), allowed=())
    assert "no public address" in answer.error or "is not resolved" in answer.error


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "1.1.1.1", "2a00::1"])
def test_what_is_public(address):
    assert is_public(address)


def resolving(monkeypatch, *answers: list[str]) -> list[list[str]]:
    """Let every name be one of these addresses: of the first answer, then of the second, ..."""
    left = list(answers)

    def resolve(host, port, *_):
        return [(0, 0, 0, "", (address, port)) for address in left.pop(0)]

    monkeypatch.setattr(posting.socket, "getaddrinfo", resolve)
    return left


def test_a_name_of_which_one_address_is_private_is_refused(monkeypatch):
    resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    (answer,) = post("https://mixed.test/")
    assert answer.error.startswith("refused: mixed.test at 10.0.0.1 is no public address")


def test_what_was_looked_at_is_connected_to_and_the_name_is_not_asked_for_again(monkeypatch):
    """The second answer of a name server that rebinds is never seen."""
    with Receiver(SECRET) as receiver, Receiver(SECRET) as trap:
        left = resolving(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
        (answer,) = post(f"http://rebinding.test:{receiver.port}/x")
        assert (answer.status, len(left), len(receiver.got), trap.got) == (200, 1, 1, [])


def test_a_public_address_gets_nothing_without_tls(monkeypatch):
    resolving(monkeypatch, ["8.8.8.8"])
    (answer,) = post("http://example.test/")
    assert "without TLS" in answer.error


def test_the_second_address_is_tried_where_the_first_does_not_answer(monkeypatch):
    with Receiver(SECRET) as receiver:
        resolving(monkeypatch, ["127.0.0.9", "127.0.0.1"])
        assert post(f"http://two.test:{receiver.port}/")[0].delivered


def test_tls_is_of_the_name_and_of_authorities_that_are_trusted(monkeypatch, tmp_path):
    made = certificate_for(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*made)
    with Receiver(SECRET, tls=context) as receiver:
        (answer,) = post(receiver.url)
        assert "CERTIFICATE_VERIFY_FAILED" in answer.error
        trusting = ssl.create_default_context(cafile=made[0])
        monkeypatch.setattr(posting, "_ssl_context", lambda: trusting)
        resolving(monkeypatch, ["127.0.0.1"], ["127.0.0.1"])
        assert post(f"https://hooks.test:{receiver.port}/")[0].delivered
        (answer,) = post(f"https://other.test:{receiver.port}/")
        assert "Hostname mismatch" in answer.error


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    with Receiver(SECRET) as receiver, Receiver(SECRET) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert post(receiver.url)[0].delivered
        assert proxy.got == []


@pytest.mark.parametrize(
    "url",
    [
        None, 5, "", "x", "ftp://x.test/", "file:///etc/passwd", "gopher://x", "//x.test", "http://",
        "https:///x", "https://u@x.test/", "https://u:p@x.test/", "https://@x.test/", "https://:@x/",
        "https://x.test/#part", "https://x.test:0/", "https://x.test:99999/", "https://x.test:a/",
        "https://x.test/ä", "https://１２７.0.0.1/", "https://ⓔxample.test/", "https://x.test/a b",
        "https://x.test/\r\nHost: y", "https://x.test\\@y.test/", "https://[::1", "https://[fe80::1%25lo]/",
        "https://x.test/" + "a" * 2_000, "https://a%2eb/", "HTTPS ://x", "https://x\x00.test",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_webhook(url):
    with pytest.raises(ValidationError) as refused:
        url_of(url)
    assert "p@x" not in str(refused.value)


def certificate_for(directory) -> tuple[str, str]:
    """The files of a self-signed certificate of hooks.test, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.test")])
    now = datetime.now(UTC)
    times = now - timedelta(days=1), now + timedelta(days=1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), *times)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.test")]), False)
        .sign(key, hashes.SHA256())
    )
    files = directory / "certificate.pem", directory / "key.pem"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(files[0]), str(files[1])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("9" * 400, 999_999_999.0),
        ("Fri, 27 Nov 2026 00:01:00 GMT", 60.0),
        ("Thu, 26 Nov 2026 00:00:00 GMT", 0.0),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Fri, 27 Nov 2026 00:00:00 +99999999999999999999", None),
        ("soon", None),
        ("", None),
    ],
)
def test_what_a_receiver_asks_for_is_a_time_or_nothing(header, seconds):
    assert asked_for(header, datetime(2026, 11, 27, tzinfo=UTC)) == seconds
