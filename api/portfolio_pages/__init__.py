"""The public pages of an attested portfolio: one to look at, one to be held by the institution's own site. Nothing in them runs."""
