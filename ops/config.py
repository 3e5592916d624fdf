"""The settings: `TENURE_*` in the environment, and nowhere else."""

import tomllib
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.rules import DEFAULT_RULES, Rules
from domain.values.receivers import Network, parse_networks


class ConfigurationError(Exception):
    """A setting that cannot be right: which one, and what would be."""


class Settings(BaseSettings):
    """Every setting; a secret can also be given as the path of a file that holds it: `TENURE_ADMIN_KEY_FILE`."""

    model_config = SettingsConfigDict(env_prefix="TENURE_", extra="forbid")

    environment: Literal["development", "production"] = "production"
    database_url: str = "sqlite:///var/tenure.db"
    owner_database_url: SecretStr | None = None
    owner_database_url_file: Path | None = None
    """The same database for the role that owns its tables: `tenure db upgrade` works as that one, everything else as `database_url`."""
    db_upgrade: Literal["on", "off"] = "on"
    smtp_url: SecretStr | None = None
    admin_key: SecretStr | None = None
    admin_key_file: Path | None = None
    clock: str = "system"
    rules_file: Path | None = None
    token_peppers: SecretStr | None = None
    token_peppers_file: Path | None = None
    key_encryption_key: SecretStr | None = None
    key_encryption_key_file: Path | None = None
    keys_directory: Path = Path("var/keys")
    checkpoint_key: SecretStr | None = None
    checkpoint_key_file: Path | None = None
    """With which checkpoints of the log are signed."""
    checkpoint_origin: str | None = Field(default=None, pattern=r"^[!-*,-~]{1,200}$")
    """The log's own name, in each checkpoint and for ever; without it the host of `public_url`, and /log."""
    checkpoint_directory: Path | None = None
    """Where checkpoints are laid down, for whoever wants to keep them."""
    mail_from: str = "tenure@localhost.localdomain"
    support_address: str = "support@localhost.localdomain"
    public_url: str = "http://127.0.0.1:8000"
    sign_up_url: str | None = Field(default=None, pattern=r"^https?://[!-~]{1,200}$")
    """Where people register with the platform; without it the announcement kit leads to `public_url`."""
    metrics_token: SecretStr | None = None
    metrics_token_file: Path | None = None
    bulk_data_directory: Path | None = None
    """Where the files of bulk data lie that are not in S3."""
    bulk_data_s3_region: str | None = None
    bulk_data_s3_endpoint: str | None = None
    bulk_data_s3_access_key_id: str | None = None
    bulk_data_s3_secret_access_key: SecretStr | None = None
    bulk_data_s3_secret_access_key_file: Path | None = None
    """What is not set here, the S3 library takes from the surroundings that it knows: AWS_* and the machine's own role."""
    leak_report_keys_file: Path | None = None
    """The public keys of who reports leaked secrets, as JSON; without it no such report is taken."""
    webhook_networks: str = ""
    """Networks of our own to which webhooks may go though they are not public: `10.1.0.0/16, 127.0.0.0/8`."""
    webhook_timeout_seconds: float = Field(default=10, gt=0, le=30)
    webhook_lease_seconds: float = Field(default=10, ge=0.5, le=120)
    """After so long another scheduler takes over the webhooks of one that died."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    poll_seconds: float = Field(default=0.05, gt=0, le=10)
    """How often followers look for what other processes wrote."""
    heartbeat_seconds: float = Field(default=1.0, gt=0, le=60)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name in (
            "owner_database_url",
            "admin_key",
            "token_peppers",
            "key_encryption_key",
            "metrics_token",
            "checkpoint_key",
            "bulk_data_s3_secret_access_key",
        ):
            path = getattr(self, f"{name}_file")
            if path is not None and getattr(self, name) is None:
                setattr(self, name, SecretStr(path.read_text().strip()))
        if self.clock != "system" and not self.clock.startswith("virtual:"):
            raise ValueError("TENURE_CLOCK is `system`, or `virtual:` and an instant, such as virtual:2026-01-15T09:00:00Z")
        if self.is_virtual and self.environment != "development":
            raise ValueError("a virtual clock needs TENURE_ENVIRONMENT=development")
        return self

    @property
    def is_virtual(self) -> bool:
        return self.clock.startswith("virtual:")

    @property
    def virtual_start(self) -> datetime:
        instant = datetime.fromisoformat(self.clock.removeprefix("virtual:"))
        if instant.tzinfo is None:
            raise ConfigurationError("TENURE_CLOCK: the instant needs a zone, such as virtual:2026-01-15T09:00:00Z")
        return instant.astimezone(UTC)

    @property
    def origin(self) -> str:
        return self.checkpoint_origin or f"{self.public_url.partition('://')[2].partition('/')[0]}/log"

    def networks(self) -> tuple[Network, ...]:
        try:
            return parse_networks(self.webhook_networks)
        except ValueError as error:
            raise ConfigurationError(f"TENURE_WEBHOOK_NETWORKS: {error}; it is a list such as 10.1.0.0/16, 127.0.0.0/8") from None

    def rules(self) -> Rules:
        """The built-in rules, with what TENURE_RULES_FILE (TOML) says otherwise."""
        if self.rules_file is None:
            return DEFAULT_RULES
        given: dict[str, Any] = tomllib.loads(self.rules_file.read_text())
        known = {field.name for field in fields(Rules)}
        if unknown := sorted(set(given) - known):
            raise ConfigurationError(f"TENURE_RULES_FILE: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        return replace(DEFAULT_RULES, **values)


def read_settings(**given: Any) -> Settings:
    """The settings from the environment; ConfigurationError names each one that cannot be right."""
    try:
        return Settings(**given)
    except ValidationError as error:
        told = (f"TENURE_{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}".replace("TENURE_: ", "") for each in error.errors())
        raise ConfigurationError("; ".join(told)) from None
