"""The captures of a call: which recorder runs on which leg, from when to when, and what its files hold."""
