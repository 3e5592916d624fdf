"""Commands as typed JSON, for the rows that wait for their instant."""

from collections.abc import Mapping

import msgspec

from domain.commands import COMMANDS
from domain.commands.base import Command

_encoder = msgspec.json.Encoder(order="deterministic")
_classes: Mapping[str, type[Command]] = {each.__name__: each for each in COMMANDS}
_decoders = {name: msgspec.json.Decoder(each) for name, each in _classes.items()}


class UnknownCommand(Exception):
    """A row names a command that this code has no class for."""


def encode_command(command: Command) -> bytes:
    """What `decode_command` reads, given the name of the command's class."""
    if _classes.get(type(command).__name__) is not type(command):
        raise UnknownCommand(type(command).__name__)
    return _encoder.encode(command)


def decode_command(name: str, state: bytes) -> Command:
    if name not in _decoders:
        raise UnknownCommand(name)
    return _decoders[name].decode(state)
