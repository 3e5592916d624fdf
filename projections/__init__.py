"""What follows the log: tables to read from, and the outbox."""
