"""The spool, the journal and the monitor directory."""
