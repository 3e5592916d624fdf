"""Every stage of a conversation with a mail server, going wrong in every way."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from time import monotonic

import pytest

from scheduler.smtp import Accepted, Bounced, ChannelStopped, Rejected, Retry, Security, Sender, SmtpUrl, Verdict
from tests.scheduler.scripted_smtp import SELF_SIGNED, Fault, ScriptedSmtp, Stage

OURS = "subscriptions@tenure.example"
THEIRS = "librarian@university.example"
TIMEOUT = 0.3


def letter(subject: str = "Your token", to: str = THEIRS, body: str = "It is there.\n") -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = OURS
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = "<1@tenure.example>"
    message.set_content(body)
    return message


def url_of(server: ScriptedSmtp, scheme: str = "smtp", user: str = "tenure:p%40ss@") -> SmtpUrl:
    return SmtpUrl.parse(f"{scheme}://{user}127.0.0.1:{server.port}")


async def said(server: ScriptedSmtp, url: SmtpUrl | None = None, tls: ssl.SSLContext | None = None, **named: str) -> Verdict:
    async with Sender(url or url_of(server), timeout=TIMEOUT, tls=tls) as sender:
        return await sender.send(letter(), OURS, named.get("to", THEIRS))


def verdict_of(script: Mapping[Stage, Fault | str]) -> Verdict:
    async def conversation() -> Verdict:
        async with ScriptedSmtp(script) as server:
            return await said(server)

    return asyncio.run(conversation())


def with_server(server: Callable[[], ScriptedSmtp], run: Callable[[ScriptedSmtp], Awaitable[None]]) -> None:
    async def conversation() -> None:
        async with server() as running:
            await run(running)

    asyncio.run(conversation())


PERMANENT = {
    Stage.GREETING: ChannelStopped,
    Stage.EHLO: ChannelStopped,
    Stage.STARTTLS: ChannelStopped,
    Stage.AUTH: ChannelStopped,
    Stage.MAIL: ChannelStopped,
    Stage.RCPT: Bounced,
    Stage.DATA: Rejected,
    Stage.DOT: Rejected,
}


@pytest.mark.parametrize("stage", PERMANENT)
@pytest.mark.parametrize("fault", Fault)
def test_every_stage_going_wrong_in_every_way(stage: Stage, fault: Fault) -> None:
    expected = PERMANENT[stage] if fault is Fault.NEVER else Retry
    verdict = verdict_of({stage: fault})
    assert expected is type(verdict), verdict
    assert isinstance(verdict, Accepted) or verdict.answer.isprintable()


def test_what_the_server_said_is_kept() -> None:
    assert Accepted("250 2.0.0 queued as 4711") == verdict_of({})
    assert Bounced(550, "550 5.7.1 never") == verdict_of({Stage.RCPT: Fault.NEVER})
    assert Rejected(554, "554 spam") == verdict_of({Stage.DOT: "554 spam"})
    assert Retry("451 4.3.0 later", "put off at RCPT TO") == verdict_of({Stage.RCPT: Fault.LATER})
    assert Retry("421 busy", "put off at connecting") == verdict_of({Stage.GREETING: "421 busy"})
    assert ChannelStopped("535 5.7.8 wrong", "refused at AUTH") == verdict_of({Stage.AUTH: "535 5.7.8 wrong"})
    assert Retry("no answer within 0.3 seconds", "waited at DATA") == verdict_of({Stage.DOT: Fault.STALLED})


def test_an_answer_of_any_bytes_becomes_short_text_that_can_be_stored() -> None:
    verdict = verdict_of({Stage.DOT: "554 \udcff\x00\x1b[31m " + "x" * 4000})
    assert isinstance(verdict, Rejected)
    assert verdict.answer.isprintable()
    assert verdict.answer.encode()
    assert 500 == len(verdict.answer)


def test_an_endless_answer_is_nonsense() -> None:
    assert isinstance(verdict_of({Stage.MAIL: "250-x\r\n" * 10_000}), Retry)


@pytest.mark.parametrize("answer", ["200 hm", "354 go on", "999 hm", "-1 hm", "+25 hm"])
@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.EHLO, Stage.MAIL, Stage.RCPT, Stage.DOT])
def test_a_number_that_is_no_answer_to_what_was_asked_is_tried_again(stage: Stage, answer: str) -> None:
    assert isinstance(verdict_of({stage: answer}), Retry)


def test_a_server_that_is_away_is_tried_again() -> None:
    async def conversation() -> Verdict:
        async with ScriptedSmtp() as server:
            gone = url_of(server)
        return await said(server, gone)

    verdict = asyncio.run(conversation())
    assert isinstance(verdict, Retry)
    assert "connecting" in verdict.why


def test_a_server_whose_name_is_unknown_is_tried_again() -> None:
    async def conversation() -> Verdict:
        async with Sender(SmtpUrl.parse("smtp://mail.invalid"), timeout=5) as sender:
            return await sender.send(letter(), OURS, THEIRS)

    assert isinstance(asyncio.run(conversation()), Retry)


def test_one_connection_for_fifty_letters() -> None:
    async def run(server: ScriptedSmtp) -> None:
        async with Sender(url_of(server), timeout=TIMEOUT) as sender:
            assert 0 == server.connections
            verdicts = [await sender.send(letter(), OURS, THEIRS) for _ in range(50)]
        assert {Accepted("250 2.0.0 queued as 4711")} == set(verdicts)
        assert (1, 50, 1) == (server.connections, len(server.letters), server.count("QUIT"))

    with_server(ScriptedSmtp, run)


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT])
@pytest.mark.parametrize("fault", [Fault.LATER, Fault.NEVER])
def test_after_a_refused_letter_the_connection_is_reset_and_used_again(stage: Stage, fault: Fault) -> None:
    async def run(server: ScriptedSmtp) -> None:
        async with Sender(url_of(server), timeout=TIMEOUT) as sender:
            assert not isinstance(await sender.send(letter(), OURS, THEIRS), Accepted)
            assert isinstance(await sender.send(letter(), OURS, THEIRS), Accepted)
        assert (1, 1) == (server.connections, server.count("RSET"))

    with_server(lambda: ScriptedSmtp({stage: fault}, times=1), run)


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT])
@pytest.mark.parametrize("fault", [Fault.DROPPED, Fault.STALLED, Fault.GARBAGE, "421 4.3.2 going down"])
def test_after_a_failure_the_connection_is_opened_anew(stage: Stage, fault: Fault | str) -> None:
    async def run(server: ScriptedSmtp) -> None:
        async with Sender(url_of(server), timeout=TIMEOUT) as sender:
            assert isinstance(await sender.send(letter(), OURS, THEIRS), Retry)
            assert isinstance(await sender.send(letter(), OURS, THEIRS), Accepted)
        assert 2 == server.connections

    with_server(lambda: ScriptedSmtp({stage: fault}, times=1), run)


@pytest.mark.parametrize("fault", Fault)
def test_a_connection_that_cannot_be_reset_is_not_used_again(fault: Fault) -> None:
    async def run(server: ScriptedSmtp) -> None:
        async with Sender(url_of(server), timeout=TIMEOUT) as sender:
            for _ in range(2):
                assert isinstance(await sender.send(letter(), OURS, THEIRS), Bounced)
        assert 2 == server.connections

    with_server(lambda: ScriptedSmtp({Stage.RCPT: Fault.NEVER, Stage.RSET: fault}), run)


@pytest.mark.parametrize("letters", [1, 2])
def test_a_server_that_takes_its_leave_between_two_letters_costs_no_letter(letters: int) -> None:
    async def run(server: ScriptedSmtp) -> None:
        async with Sender(url_of(server), timeout=TIMEOUT) as sender:
            verdicts = [await sender.send(letter(), OURS, THEIRS) for _ in range(4)]
        assert [Accepted("250 2.0.0 queued as 4711")] * 4 == verdicts
        assert (4 // letters, 4) == (server.connections, len(server.letters))

    with_server(lambda: ScriptedSmtp(farewell_after=letters), run)


def test_a_server_that_stalls_at_once_is_waited_for_once() -> None:
    async def run(server: ScriptedSmtp) -> None:
        async with Sender(url_of(server), timeout=TIMEOUT) as sender:
            began = monotonic()
            verdicts = [await sender.send(letter(), OURS, THEIRS) for _ in range(20)]
            assert monotonic() - began < 10 * TIMEOUT
        assert {Retry} == {type(verdict) for verdict in verdicts}
        assert 1 == server.connections

    with_server(lambda: ScriptedSmtp({Stage.GREETING: Fault.STALLED}), run)


@pytest.mark.parametrize("fault", Fault)
def test_nothing_that_goes_wrong_in_parting_matters(fault: Fault) -> None:
    began = monotonic()
    assert isinstance(verdict_of({Stage.QUIT: fault}), Accepted)
    assert monotonic() - began < 3


# encryption


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(SELF_SIGNED))


def test_credentials_and_letter_leave_only_encrypted_where_encryption_is_offered() -> None:
    async def run(server: ScriptedSmtp) -> None:
        assert isinstance(await said(server), Accepted)
        assert ["EHLO", "STARTTLS"] == [command.partition(" ")[0] for command in server.in_the_clear]
        assert "AUTH PLAIN " + b64encode(b"\0tenure\0p@ss").decode() in server.commands

    with_server(ScriptedSmtp, run)


def test_on_this_machine_encryption_may_be_missing() -> None:
    async def run(server: ScriptedSmtp) -> None:
        assert isinstance(await said(server), Accepted)

    with_server(lambda: ScriptedSmtp(offers=("AUTH PLAIN",)), run)


@pytest.mark.parametrize("script", [{}, {Stage.EHLO: "250 scripted.example"}, {Stage.STARTTLS: "502 5.5.1 what is that"}])
def test_elsewhere_a_server_without_encryption_gets_neither_credentials_nor_letter(script: dict[Stage, Fault | str]) -> None:
    async def run(server: ScriptedSmtp) -> None:
        verdict = await said(server, replace(url_of(server), loopback=False), trusting())
        assert isinstance(verdict, ChannelStopped)
        assert {"EHLO", "STARTTLS", "QUIT"} >= {command.partition(" ")[0] for command in server.commands}
        assert [] == server.letters

    offers = ("STARTTLS", "AUTH PLAIN") if Stage.STARTTLS in script else ("AUTH PLAIN",)
    with_server(lambda: ScriptedSmtp(script, offers=offers), run)


@pytest.mark.parametrize("implicit", [False, True])
def test_elsewhere_a_certificate_that_nobody_vouches_for_stops_the_channel(implicit: bool) -> None:
    async def run(server: ScriptedSmtp) -> None:
        url = replace(url_of(server, "smtps" if implicit else "smtp"), loopback=False)
        verdict = await said(server, url)
        assert isinstance(verdict, ChannelStopped)
        assert "certificate verify failed" in verdict.answer
        assert 0 == server.count("AUTH")

    with_server(lambda: ScriptedSmtp(implicit_tls=implicit), run)


@pytest.mark.parametrize("implicit", [False, True])
def test_elsewhere_a_certificate_that_is_trusted_will_do(implicit: bool) -> None:
    async def run(server: ScriptedSmtp) -> None:
        url = replace(url_of(server, "smtps" if implicit else "smtp"), loopback=False)
        assert isinstance(await said(server, url, trusting()), Accepted)
        assert implicit or 2 == len(server.in_the_clear)

    with_server(lambda: ScriptedSmtp(implicit_tls=implicit), run)


@pytest.mark.parametrize(
    ("fault", "expected"), [(Fault.GARBAGE, ChannelStopped), (Fault.NEVER, ChannelStopped), (Fault.DROPPED, Retry), (Fault.STALLED, Retry)]
)
def test_a_handshake_that_fails(fault: Fault, expected: type[Verdict]) -> None:
    assert expected is type(verdict_of({Stage.HANDSHAKE: fault}))


def test_a_server_that_speaks_no_tls_where_it_is_to_begin_with_it_stops_the_channel() -> None:
    async def run(server: ScriptedSmtp) -> None:
        assert isinstance(await said(server, url_of(server, "smtps")), ChannelStopped)

    with_server(ScriptedSmtp, run)


def test_plain_stays_plain() -> None:
    async def run(server: ScriptedSmtp) -> None:
        assert isinstance(await said(server, url_of(server, "smtp+plain", user="")), Accepted)
        assert 0 == server.count("STARTTLS")
        assert 0 == server.count("AUTH")

    with_server(ScriptedSmtp, run)


@pytest.mark.parametrize("offers", [("STARTTLS",), ("STARTTLS", "AUTH GSSAPI")])
def test_a_login_that_is_not_offered_stops_the_channel(offers: tuple[str, ...]) -> None:
    async def run(server: ScriptedSmtp) -> None:
        assert isinstance(await said(server), ChannelStopped)
        assert [] == server.letters

    with_server(lambda: ScriptedSmtp(offers=offers), run)


@pytest.mark.parametrize("offered", ["PLAIN", "LOGIN", "CRAM-MD5", "CRAM-MD5 LOGIN PLAIN"])
def test_a_wrong_password_is_offered_once(offered: str) -> None:
    async def run(server: ScriptedSmtp) -> None:
        assert ChannelStopped("535 5.7.8 wrong", "refused at AUTH") == await said(server)
        assert 1 == server.count("AUTH")

    with_server(lambda: ScriptedSmtp({Stage.AUTH: "535 5.7.8 wrong"}, offers=("STARTTLS", f"AUTH {offered}")), run)


@pytest.mark.parametrize("answer", ["504 5.5.4 no such way", "534 5.7.9 too weak"])
def test_a_way_to_log_in_that_the_server_does_not_take_after_all_is_followed_by_the_next(answer: str) -> None:
    async def run(server: ScriptedSmtp) -> None:
        assert ChannelStopped(answer, "refused at AUTH") == await said(server)
        ways = [command.split(" ")[1] for command in server.commands if command.startswith("AUTH")]
        assert ["PLAIN", "LOGIN", "CRAM-MD5"] == ways

    with_server(lambda: ScriptedSmtp({Stage.AUTH: answer}, offers=("STARTTLS", "AUTH CRAM-MD5 LOGIN PLAIN")), run)


def test_the_next_way_to_log_in_may_be_the_right_one() -> None:
    async def run(server: ScriptedSmtp) -> None:
        assert isinstance(await said(server), Accepted)
        assert 2 == server.count("AUTH")

    with_server(lambda: ScriptedSmtp({Stage.AUTH: "504 5.5.4 no such way"}, times=1, offers=("STARTTLS", "AUTH PLAIN LOGIN")), run)


# the letter


def arrived(message: EmailMessage, to: str, *, offers: tuple[str, ...] = ("SMTPUTF8", "8BITMIME")) -> tuple[Verdict, ScriptedSmtp]:
    async def conversation() -> tuple[Verdict, ScriptedSmtp]:
        async with ScriptedSmtp(offers=offers) as server, Sender(url_of(server, user=""), timeout=TIMEOUT) as sender:
            return await sender.send(message, OURS, to), server

    return asyncio.run(conversation())


def test_a_letter_arrives_as_it_was_written() -> None:
    body = "Grüße\n.\n..\n.leading dots\nFrom here\n"
    verdict, server = arrived(letter("Größe: 20 €", body=body), THEIRS)
    assert isinstance(verdict, Accepted)
    assert server.letters[0].isascii()
    received = message_from_bytes(server.letters[0], policy=policy.default)
    assert ("Größe: 20 €", body) == (received["Subject"], received.get_content().replace("\r\n", "\n"))


def test_a_domain_beyond_ascii_is_an_a_label_on_the_wire() -> None:
    verdict, server = arrived(letter(to="Bücherei <info@bücher.example>"), "info@bücher.example", offers=("8BITMIME",))
    assert isinstance(verdict, Accepted)
    assert "RCPT TO:<info@xn--bcher-kva.example>" in server.commands
    received = message_from_bytes(server.letters[0], policy=policy.default)
    assert "Bücherei <info@xn--bcher-kva.example>" == received["To"]


def test_sending_changes_nothing_in_the_letter() -> None:
    message = letter(to="Bücherei <info@bücher.example>")
    before = message.items()
    arrived(message, "info@bücher.example")
    assert before == message.items()


def test_a_name_beyond_ascii_needs_a_server_that_understands_it() -> None:
    address = "jürgen@bücher.example"
    verdict, server = arrived(letter(to=address), address)
    assert isinstance(verdict, Accepted)
    assert f"MAIL FROM:<{OURS}> SMTPUTF8 BODY=8BITMIME" in server.commands
    assert "RCPT TO:<jürgen@xn--bcher-kva.example>" in server.commands
    verdict, server = arrived(letter(to=address), address, offers=("8BITMIME",))
    assert isinstance(verdict, Bounced)
    assert 0 == server.count("MAIL")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b@c.example",
        "a b@c.example",
        "a@c.example>\r\nRCPT TO:<b@c.example",
        "a@c.example\n",
        "<a@c.example>",
        "a@c.example,b@c.example",
        "a@c.example (b@c.example)",
        "a\x00@c.example",
        "a@-ü-.example",
    ],
)
def test_what_is_no_address_bounces_before_anything_is_said(address: str) -> None:
    verdict, server = arrived(letter(), address)
    assert isinstance(verdict, Bounced)
    assert [] == server.commands


@pytest.mark.parametrize("line_break", ["=0D=0A", "=0A", "=0D"])
def test_no_header_can_be_smuggled_in(line_break: str) -> None:
    """With a Python that would write it, the letter is rejected; with one that would not, the library or the reader sees one header."""
    verdict, server = arrived(letter(f"=?utf-8?q?hello{line_break}Bcc:_third@party.example?="), THEIRS)
    received = [message_from_bytes(each, policy=policy.default) for each in server.letters]
    assert isinstance(verdict, Rejected) or all(each["Bcc"] is None for each in received)


def test_a_letter_that_cannot_be_written_is_rejected_and_the_next_one_leaves() -> None:
    broken = letter()
    broken.set_payload("\ud800")

    async def run(server: ScriptedSmtp) -> None:
        async with Sender(url_of(server), timeout=TIMEOUT) as sender:
            assert isinstance(await sender.send(broken, OURS, THEIRS), Rejected)
            assert isinstance(await sender.send(letter(), OURS, THEIRS), Accepted)

    with_server(ScriptedSmtp, run)


# the URL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smtp://mail.example", SmtpUrl(security=Security.STARTTLS, host="mail.example", port=587)),
        ("smtps://mail.example", SmtpUrl(security=Security.TLS, host="mail.example", port=465)),
        ("smtp+plain://mailpit:1025", SmtpUrl(security=Security.NONE, host="mailpit", port=1025)),
        ("smtp://localhost:25", SmtpUrl(security=Security.STARTTLS, host="localhost", port=25, loopback=True)),
        ("smtp://127.1.2.3:25", SmtpUrl(security=Security.STARTTLS, host="127.1.2.3", port=25, loopback=True)),
        ("smtp://[::1]:25/", SmtpUrl(security=Security.STARTTLS, host="::1", port=25, loopback=True)),
        ("smtp://localhost.example", SmtpUrl(security=Security.STARTTLS, host="localhost.example", port=587)),
        ("smtp://127.0.0.1.example", SmtpUrl(security=Security.STARTTLS, host="127.0.0.1.example", port=587)),
        ("SMTP://bücher.example", SmtpUrl(security=Security.STARTTLS, host="xn--bcher-kva.example", port=587)),
        (
            "smtps://a%40b:p%2Fw%3A@mail.example:4650",
            SmtpUrl(security=Security.TLS, host="mail.example", port=4650, user="a@b", password="p/w:"),
        ),
    ],
)
def test_a_url_is_read(text: str, expected: SmtpUrl) -> None:
    assert expected == SmtpUrl.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp+tls://mail.example",
        "smtp://",
        "smtp://:25",
        "smtp://mail.example:0",
        "smtp://mail.example:66000",
        "smtp://mail.example:port",
        "smtp://mail example",
        "smtp://mail.example/inbox",
        "smtp://mail.example?timeout=5",
        "smtp://user@mail.example",
        "smtp://:secret@mail.example",
        "smtp://user:sec%00ret@mail.example",
        "smtp://user:sec/ret@mail.example",
        "smtp://user:sec#ret@mail.example",
        "smtp://user:sec?ret@mail.example",
        "smtp://user:[secret@mail.example",
        "smtp+plain://user:secret@mail.example",
        "smtp://-ü-.example",
    ],
)
def test_a_url_that_is_none_is_refused_in_a_sentence_without_its_password(text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        SmtpUrl.parse(text)
    sentence = str(refusal.value)
    assert "sec" not in sentence
    assert " " in sentence
    assert refusal.value.__cause__ is None


def test_the_password_is_not_shown() -> None:
    assert "hush" not in repr(SmtpUrl.parse("smtp://user:hush@mail.example"))
