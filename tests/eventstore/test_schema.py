"""The migrations make the tables that the code expects, also when many start at once."""

from threading import Thread

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from ops.eventstore.engine import connect
from ops.eventstore.schema import log
from ops.eventstore.upgrade import upgrade
from projections import allow_list, bulk_data, images, lists, reads, registrations, usage, webhooks
from projections.own_facts import facts
from projections.proof import checkpoints

TABLES_BESIDE_THE_LOG = (
    lists.listed_people,
    registrations.registered_accounts,
    usage.ledger,
    bulk_data.releases,
    bulk_data.downloads,
    allow_list.served,
    allow_list.contents,
    webhooks.webhooks,
    webhooks.deliveries,
    images.images,
    checkpoints.checkpoints,
    reads.reads,
    reads.read_things,
)


def test_migrations_make_the_tables_that_the_code_expects(database):
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": [log, facts]})
        assert [] == compare_metadata(context, [log, facts])
        assert {table.name for table in TABLES_BESIDE_THE_LOG} <= set(facts.tables)


def test_upgrading_twice_is_upgrading_once(engine):
    upgrade(engine)
    assert {"events", "commands", "claims"} <= set(inspect(engine).get_table_names())


def test_processes_that_start_together_upgrade_one_after_the_other(postgresql_server, tmp_path):
    with postgresql_server.empty() as url:
        for address in (url, f"sqlite:///{tmp_path}/deep/down/new.db"):
            engines = [connect(address) for _ in range(4)]
            errors = []

            def attempt(engine, errors=errors):
                try:
                    upgrade(engine)
                except Exception as error:
                    errors.append(error)

            threads = [Thread(target=attempt, args=(engine,)) for engine in engines]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert [] == errors
            assert "events" in inspect(engines[0]).get_table_names()
            for engine in engines:
                engine.dispose()
