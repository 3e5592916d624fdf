"""The heartbeat: what falls due is done, what is to be said is sent."""
