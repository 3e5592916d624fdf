"""Each letter leaves once, to whoever is to have it by then; and what did not leave says why."""

import asyncio
from contextlib import contextmanager
from itertools import pairwise
from threading import Event as Flag
from threading import Thread
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from domain.clock import FixedClock
from domain.commands.api_token import ReportLeak, RevokeToken
from domain.commands.email_delivery import RecordSent, ReportBounce
from domain.commands.institutional_account import ConfirmContactTransfer, RequestContactTransfer
from domain.commands.itk_subscription import RenewSubscription
from domain.events.email_delivery import EmailBounced, EmailSent, EmailSkipped
from domain.events.institutional_account import ContactUnreachable
from domain.rules import Rules
from ops.catcher import Catcher
from projections.emails.compose import Letterhead
from projections.emails.outbox import email_work, emails, next_attempt
from projections.work import LEASE
from scheduler.outbox import BACKOFF, CHANNEL_PAUSE, OutboxSender
from scheduler.smtp import SmtpUrl
from tests.scheduler.house import DAY, ENDS_AT, HOUR, START, ask, at_once, contact, happened, house, put, put_institution, set_clock, token
from tests.scheduler.scripted_smtp import Fault, ScriptedSmtp, Stage

ADMIN, BO, CY = "library@uni.example", "bo@uni.example", "cy@uni.example"


@pytest.fixture
def home(database_url, tmp_path):
    with house(database_url, tmp_path) as home:
        yield home


@pytest.fixture
def catcher():
    catcher = Catcher()
    catcher.start()
    yield catcher
    catcher.stop()


@contextmanager
def scripted(script=None, **named):
    """A scripted server in a thread of its own; gives its URL and itself."""
    ready, over = Flag(), asyncio.Event()
    server = ScriptedSmtp(script, **named)
    loop = asyncio.new_event_loop()

    async def serve():
        async with server:
            ready.set()
            await over.wait()

    thread = Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(5)
    try:
        yield f"smtp+plain://127.0.0.1:{server.port}", server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def sender(process, url, *, owner="another", real_now=None, lifecycle=None, tables=None):
    letterhead = Letterhead(
        mail_from="tenure@tenure.example",
        support_address="support@tenure.example",
        public_url="https://tenure.example",
        confirm_url=lambda account, transfer: f"https://tenure.example/confirm/{transfer}",
        invitation_url=lambda plan: f"https://tenure.example/invitations/{plan}",
        download_url=lambda subscription, link: f"https://tenure.example/downloads/{link}",
    )
    real_clock = FixedClock(real_now) if real_now else process.real_clock
    lifecycle, tables = lifecycle or process.lifecycle, tables or process.tables
    return OutboxSender(lifecycle, process.database, tables, SmtpUrl.parse(url), letterhead, real_clock, owner)


def send_all(process):
    process.tables.catch_up()
    while process.sender.tick():
        process.tables.catch_up()


def rows(process):
    with process.database.reading() as connection:
        return connection.execute(select(emails).order_by(emails.c.number)).all()


def left(catcher):
    """(to, template) of each letter that arrived, in this order."""
    return [(each.recipient, str(each.message["X-Tenure-Template"])) for each in catcher.messages]


def skipped(process):
    return {each.event.template: each.event.why for each in happened(process, EmailSkipped)}


# once


def send_with(url, folder, catcher, senders, number):
    with house(url, folder) as home:
        processes = [home.process(catcher.url) for _ in range(senders)]
        account, _ = put_institution(processes[0])
        put(processes[0], account, *(token(account, account) for _ in range(number)))
        processes[0].tables.catch_up()

        def work(process):
            while any(row.status == "pending" for row in rows(process)):
                process.sender.tick()
                process.tables.catch_up()

        at_once(*(lambda process=process: work(process) for process in processes))
        ids = [each.message["Message-ID"] for each in catcher.messages]
        assert number + 2 == len(ids) == len(set(ids))
        assert number + 2 == len(happened(processes[0], EmailSent))
        assert {"sent"} == {row.status for row in rows(processes[0])}


@pytest.mark.parametrize("senders", [1, 2, 4])
def test_each_letter_leaves_once_however_many_senders_there_are_on_postgresql(postgresql_url, tmp_path, catcher, senders):
    send_with(postgresql_url, tmp_path, catcher, senders, 250)


@pytest.mark.parametrize("senders", [1, 2])
def test_each_letter_leaves_once_on_sqlite(sqlite_url, tmp_path, catcher, senders):
    send_with(sqlite_url, tmp_path, catcher, senders, 60)


def test_nothing_leaves_before_the_outbox_has_read_the_whole_log(home, catcher):
    process = home.process(catcher.url)
    account, _ = put_institution(process)
    process.tables.catch_up()
    put(process, account, token(account, account))
    assert 0 == process.sender.tick()
    assert [] == left(catcher)
    send_all(process)
    assert [(ADMIN, "account-nominated"), (ADMIN, "subscription-activated"), (ADMIN, "token-issued")] == left(catcher)


def test_who_looked_before_another_was_done_does_not_send_it_again(home, catcher):
    process = home.process(catcher.url)
    put_institution(process)
    process.tables.catch_up()
    process.sender.tick()
    looked_before = SimpleNamespace(position=lambda: 1_000_000)  # the followers have yet to learn what became of the letters
    sender(process, catcher.url, tables=looked_before).tick()
    assert 2 == len(left(catcher))


def test_a_rebuild_sends_nothing_again(home, catcher):
    process = home.process(catcher.url)
    account, _ = put_institution(process)
    send_all(process)
    put(process, account, token(account, account))
    process.tables.catch_up()
    before = rows(process)
    process.tables.rebuild()
    assert before == rows(process)
    send_all(process)
    assert 3 == len(left(catcher))


def test_who_dies_between_handing_over_and_recording_lets_the_same_letter_leave_twice(home, catcher):
    process = home.process(catcher.url)
    put_institution(process)
    process.tables.catch_up()

    class Dying:
        """A life cycle that is cut off when the first letter is to be recorded."""

        def __getattr__(self, name):
            return getattr(process.lifecycle, name)

        def handle(self, command, **_):
            assert isinstance(command, RecordSent)
            raise ConnectionError("cut off")

    with pytest.raises(ConnectionError, match="cut off"):
        sender(process, catcher.url, owner="dying", real_now=START, lifecycle=Dying()).tick()
    assert 0 == sender(process, catcher.url, real_now=START).tick()
    sender(process, catcher.url, real_now=START + LEASE).tick()

    first, again, other = (each.message for each in catcher.messages)
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert first.get_body(("plain",)).get_content() == again.get_body(("plain",)).get_content()
    assert first["Subject"] == again["Subject"]
    process.tables.catch_up()
    assert 2 == len(happened(process, EmailSent))
    assert ["sent", "sent"] == [row.status for row in rows(process)]


# to whom


def test_a_letter_that_is_refused_goes_to_the_next_contact_who_is_told_why(home, catcher):
    with scripted({Stage.RCPT: Fault.NEVER}, times=2) as (url, server):
        process = home.process(url)
        put_institution(process, others=(contact(BO),))
        process.heartbeat.drain()
        assert 3 == len(server.letters)
    assert [(ADMIN, True, False)] * 2 == [(b.event.to, b.event.hard, b.event.reported) for b in happened(process, EmailBounced)]
    assert [ADMIN] == [each.event.address for each in happened(process, ContactUnreachable)]
    sent = [(each.event.to, each.event.template) for each in happened(process, EmailSent)]
    assert sorted([(BO, "account-nominated"), (BO, "subscription-activated"), (BO, "contact-unreachable")]) == sorted(sent)


def test_where_nobody_can_be_reached_any_more_that_is_on_record(home):
    with scripted({Stage.RCPT: Fault.NEVER}) as (url, server):
        process = home.process(url)
        put_institution(process, others=(contact(BO),))
        process.heartbeat.drain()
        assert [] == server.letters
    nobody = "no contact of the institution can be reached"
    assert {"account-nominated": nobody, "subscription-activated": nobody, "contact-unreachable": nobody} == skipped(process)
    assert {"skipped"} == {row.status for row in rows(process)}


def test_a_letter_to_the_old_mailbox_of_a_transfer_is_refused_once_and_not_for_ever(home, catcher):
    process = home.process(catcher.url)
    account, _ = put_institution(process)
    send_all(process)
    transfer, new = contact("x").id, contact("y").id
    ask(process, RequestContactTransfer(id=account, transfer_id=transfer, new_contact_id=new, email=BO))
    send_all(process)
    assert (BO, "contact-transfer-confirm") in left(catcher)
    ask(process, ConfirmContactTransfer(id=account, transfer_id=transfer))
    with scripted({Stage.RCPT: Fault.NEVER}, times=1) as (url, server):
        closing = home.process(url)
        closing.heartbeat.drain()
        assert 2 == server.count("RCPT")
    assert ["sent", "bounced", "sent"] == [row.status for row in rows(process) if row.template == "contact-transferred"]
    assert [] == happened(process, ContactUnreachable)


def test_a_bounce_that_is_reported_later_makes_the_contact_unreachable(home, catcher):
    process = home.process(catcher.url)
    put_institution(process, others=(contact(BO),))
    send_all(process)
    ask(process, ReportBounce(id=rows(process)[0].id, hard=True, code="5.1.1", answer="no such user"))
    process.heartbeat.drain()
    assert (BO, "contact-unreachable") == left(catcher)[-1]
    assert ["bounced", "sent", "sent"] == [row.status for row in rows(process)]
    assert 3 == len(left(catcher))


def test_a_leak_is_told_to_each_contact_once(home, catcher):
    process = home.process(catcher.url)
    account, _ = put_institution(process, others=(contact(BO), contact(CY)))
    stream, events = token(account, account)
    put(process, account, (stream, events))
    send_all(process)
    ask(process, ReportLeak(id=stream, where="a public gist"))
    send_all(process)
    assert [ADMIN, BO, CY] == [to for to, template in left(catcher) if template == "token-leaked"]


# when


def test_what_the_server_puts_off_is_tried_again_ever_more_rarely_for_five_days(home):
    with scripted({Stage.RCPT: Fault.LATER}) as (url, server):
        process = home.process(url)
        put_institution(process)
        process.tables.catch_up()
        instants = [START]
        while process.sender.tick():
            with process.database.reading() as connection:
                following = next_attempt(connection, instants[-1])
            if following is None:
                break
            instants.append(following)
            set_clock(process, following)
        assert 2 * len(instants) == server.count("RCPT")
    pauses = [later - sooner for sooner, later in pairwise(instants)]
    assert list(BACKOFF) == pauses[: len(BACKOFF)]
    assert {BACKOFF[-1]} == set(pauses[len(BACKOFF) :])
    assert instants[-2] < START + 5 * DAY <= instants[-1]
    process.tables.catch_up()
    why = "the mail server did not take it for 5 days"
    assert {"account-nominated": why, "subscription-activated": why} == skipped(process)
    told = {(each.event.to, each.event.answer) for each in happened(process, EmailSkipped)}
    assert told == {(address, "451 4.3.0 later") for address in {row.to for row in rows(process)}}
    assert {f"{why}: 451 4.3.0 later"} == {row.answer for row in rows(process)}


def test_when_the_channel_stops_the_mail_stays_operators_see_it_and_later_it_leaves(home):
    with scripted({Stage.MAIL: Fault.NEVER}, times=1) as (url, server):
        process = home.process(url)
        put_institution(process)
        process.tables.catch_up()
        assert 2 == process.sender.tick()
        assert 1 == server.count("MAIL")
        assert "550 5.7.1 never" in process.sender.channel_stopped
        assert 1 == process.waiting()["tenure_smtp_channel_stopped"]
        assert ["pending", "pending"] == [row.status for row in rows(process)]
        assert 0 == process.sender.tick()
        set_clock(process, START + CHANNEL_PAUSE)
        send_all(process)
        assert 2 == len(server.letters)
        assert 0 == process.waiting()["tenure_smtp_channel_stopped"]
    assert [] == happened(process, EmailSkipped, EmailBounced)


def test_a_letter_that_the_server_does_not_want_is_on_record_and_says_nothing_of_the_contact(home):
    with scripted({Stage.DOT: Fault.NEVER}, times=1) as (url, server):
        process = home.process(url)
        put_institution(process)
        process.heartbeat.drain()
        assert 2 == server.count("DATA")
    (bounced,) = happened(process, EmailBounced)
    assert not bounced.event.hard
    assert ["bounced", "sent"] == [row.status for row in rows(process)]
    assert [] == happened(process, ContactUnreachable)


def test_after_an_outage_the_mail_leaves_slowly(home, catcher):
    process = home.process(catcher.url)
    process.lifecycle.rules = Rules(emails_per_minute_after_outage=4)
    account, _ = put_institution(process)
    put(process, account, *(token(account, account, slot=slot) for slot in range(5)))
    process.tables.catch_up()
    set_clock(process, START + 2 * HOUR)
    clock = FixedClock(START)
    slow = sender(process, catcher.url, real_now=START)
    slow._real_clock = clock
    assert 4 == slow.tick()
    process.tables.catch_up()
    assert 0 == slow.tick()
    clock.instant += HOUR / 60
    assert 3 == slow.tick()
    assert 7 == len(left(catcher))


# is it still wanted


def test_what_has_been_overtaken_is_skipped_and_says_why(home, catcher):
    process = home.process(catcher.url)
    account, subscription = put_institution(process, reminders=(30,))
    stream, events = token(account, account, expires_at=ENDS_AT, reminders=(30,))
    put(process, account, (stream, events))
    send_all(process)
    set_clock(process, ENDS_AT - 30 * DAY)
    while process.due_deadlines.tick():
        pass
    ask(process, RenewSubscription(id=subscription))
    ask(process, RevokeToken(id=stream))
    send_all(process)
    assert {"subscription-expiring": "the subscription was renewed", "token-expiring": "the token is revoked"} == skipped(process)
    assert [(ADMIN, "subscription-renewed"), (ADMIN, "token-revoked")] == left(catcher)[3:]
    assert {"subscription-expiring", "token-expiring"} == {row.template for row in rows(process) if row.status == "skipped"}


def test_what_comes_too_late_is_skipped_and_says_so(home, catcher):
    process = home.process(catcher.url)
    put_institution(process, reminders=(30,))
    send_all(process)
    set_clock(process, ENDS_AT - 30 * DAY)
    while process.due_deadlines.tick():
        pass
    set_clock(process, ENDS_AT)
    send_all(process)
    assert {"subscription-expiring": "it came too late to be of use"} == skipped(process)
    assert 2 == len(left(catcher))


def test_nothing_is_left_of_the_work_when_it_is_done(home, catcher):
    process = home.process(catcher.url)
    put_institution(process)
    send_all(process)
    with process.database.reading() as connection:
        assert [] == connection.execute(select(email_work)).all()
