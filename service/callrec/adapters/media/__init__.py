"""From captured legs to a file that people can play."""
