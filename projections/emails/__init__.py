"""What is written to whom: the outbox, and how a letter looks."""
