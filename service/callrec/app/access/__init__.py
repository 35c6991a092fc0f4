"""Log in and out, accounts, tokens of programs."""
