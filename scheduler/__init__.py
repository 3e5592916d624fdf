"""The heartbeat: what falls due takes effect, what follows is asked for, what is to be said is sent."""
