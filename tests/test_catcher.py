"""The catcher takes every letter and shows the latest."""

import asyncio
import smtplib
from collections.abc import Iterator
from contextlib import closing
from email.message import EmailMessage

import pytest

from ops.catcher import KEPT, LARGEST, Catcher, Caught
from scheduler.smtp import Accepted, Rejected, Sender, SmtpUrl, Verdict

OURS = "subscriptions@tenure.example"


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    catcher = Catcher()
    catcher.start()
    yield catcher
    catcher.stop()


def letter(to: str, subject: str = "Grüße", body: str = "Schöne Grüße\n.\nEnde\n") -> EmailMessage:
    message = EmailMessage()
    message["From"] = OURS
    message["To"] = to
    message["Subject"] = subject
    message.set_content(body)
    return message


def send(catcher: Catcher, *letters: tuple[EmailMessage, str]) -> list[Verdict]:
    async def all_of_them() -> list[Verdict]:
        async with Sender(SmtpUrl.parse(catcher.url)) as sender:
            return [await sender.send(message, OURS, to) for message, to in letters]

    return asyncio.run(all_of_them())


def test_a_letter_is_shown_as_it_was_sent(catcher: Catcher) -> None:
    assert [Accepted("250 2.0.0 caught")] == send(catcher, (letter("a@university.example"), "a@university.example"))
    (caught,) = catcher.messages
    assert (OURS, "a@university.example") == (caught.sender, caught.recipient)
    assert ("Grüße", "Schöne Grüße\n.\nEnde\n") == (caught.message["Subject"], caught.message.get_content())
    assert b"Subject: =?utf-8?" in caught.raw
    assert caught.at.tzinfo is not None


def test_addresses_beyond_ascii_are_caught(catcher: Catcher) -> None:
    address = "jürgen@bücher.example"
    assert [Accepted("250 2.0.0 caught")] == send(catcher, (letter(address), address))
    assert "jürgen@xn--bcher-kva.example" == catcher.messages[0].recipient


def test_letters_stay_in_order_and_each_recipient_has_one(catcher: Catcher) -> None:
    with closing(smtplib.SMTP("127.0.0.1", catcher.port)) as client:
        client.send_message(letter("a@u.example", "first"), OURS, ["a@u.example", "b@u.example"])
        client.send_message(letter("c@u.example", "second"), OURS, ["c@u.example"])
    assert [("a@u.example", "first"), ("b@u.example", "first"), ("c@u.example", "second")] == [
        (caught.recipient, caught.message["Subject"]) for caught in catcher.messages
    ]


def test_every_letter_is_passed_on_when_it_is_caught() -> None:
    told: list[Caught] = []
    catcher = Catcher(on_message=told.append)
    catcher.start()
    send(catcher, (letter("a@u.example"), "a@u.example"))
    catcher.stop()
    assert list(catcher.messages) == told
    assert 1 == len(told)


def test_a_letter_that_is_too_large_is_refused_and_the_next_one_is_not(catcher: Catcher) -> None:
    large = letter("a@u.example", body=f"{'x' * 70}\n" * (LARGEST // 71 + 1))
    verdicts = send(catcher, (large, "a@u.example"), (letter("a@u.example"), "a@u.example"))
    assert [Rejected, Accepted] == [type(verdict) for verdict in verdicts]
    assert 1 == len(catcher.messages)


def test_only_the_latest_are_kept() -> None:
    assert KEPT == Catcher().messages.maxlen == 10_000


def test_it_can_be_stopped_and_started_again() -> None:
    catcher = Catcher()
    catcher.stop()
    for _ in range(2):
        catcher.start()
        assert catcher.url == f"smtp+plain://127.0.0.1:{catcher.port}"
        catcher.stop()
    with pytest.raises(RuntimeError):
        _ = catcher.url


def test_a_port_that_is_taken_is_said(catcher: Catcher) -> None:
    with pytest.raises(OSError):
        Catcher(catcher.port).start()
