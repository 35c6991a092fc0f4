"""The command line. Each command imports what it needs when it is used: `callrec --help` loads none of the rooms."""
