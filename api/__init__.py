"""HTTP: one route, one command or one query."""
