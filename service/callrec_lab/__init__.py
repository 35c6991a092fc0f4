"""The test PBX and its phones, for `make run`, `make demo` and the tests: Asterisk, daemon, SIP phones, checks of recordings."""
