"""A whole service on each database, whose clock stands until it is set."""

from collections.abc import Iterator

import pytest

from ops.catcher import Catcher
from tests.lifetimes.worlds import World
from tests.projections.story import world_on


@pytest.fixture(scope="session")
def catcher() -> Iterator[Catcher]:
    catcher = Catcher()
    catcher.start()
    yield catcher
    catcher.stop()


@pytest.fixture
def world(database_url: str, catcher: Catcher) -> Iterator[World]:
    with world_on(database_url, catcher) as world:
        yield world
