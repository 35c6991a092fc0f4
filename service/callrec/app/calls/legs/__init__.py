"""What is known of single legs: when they arrive, at which queue or conference they are, whose digits are told."""
