"""The rules: what may happen to an institution, its subscription, its users and its tokens."""
