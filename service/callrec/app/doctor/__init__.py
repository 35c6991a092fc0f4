"""What `callrec doctor` checks."""
