"""The log: an event store of our own on SQLAlchemy Core, for SQLite and PostgreSQL."""
