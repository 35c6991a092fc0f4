"""Files with a database."""
