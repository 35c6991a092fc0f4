"""Log in and out, accounts, tokens of programs; entries of the audit log, and what they prove."""
