"""Who did it, by name: a librarian is on record by the id of a key, and what its holder is called is the account's to tell."""

from uuid import UUID

from domain.aggregates.institutional_account_state import AccountState
from domain.application import Lifecycle
from domain.errors import NotFound
from domain.events.base import Recorded

LIBRARIAN = "institution"


class Actors:
    """For one answer: each account is looked at once."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._names: dict[UUID, dict[str, str]] = {}

    def name(self, recorded: Recorded) -> str:
        """What is on record where it is a name, or where nobody knows the key any more."""
        actor, account = recorded.metadata.actor, recorded.account_id
        if recorded.metadata.role != LIBRARIAN or account is None:
            return actor
        if account not in self._names:
            self._names[account] = self._of(account)
        return self._names[account].get(actor, actor)

    def _of(self, account: UUID) -> dict[str, str]:
        try:
            state = self._lifecycle.load(account).state
        except NotFound:
            return {}
        return {str(key.id): key.name for key in state.librarian_keys} if isinstance(state, AccountState) else {}
