"""The command line. A command imports its modules when it runs, so that `callrec --help` starts fast."""
