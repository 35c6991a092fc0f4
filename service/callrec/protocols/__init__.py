"""Protocols without I/O: AMI, FastAGI, ARI, Asterisk's configuration files, and the formats on disk."""
