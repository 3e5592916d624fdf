"""Domains of real universities that lists of free mail providers contain, each with where it can be seen."""

UNIVERSITIES_ON_FREE_MAIL_LISTS: frozenset[str] = frozenset()
