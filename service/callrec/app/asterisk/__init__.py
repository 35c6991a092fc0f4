"""Keeps Asterisk's own state in line with the tables (AstDB, device states, configuration files), and tells programs there."""
