"""Bytes in, messages out: AMI, FastAGI, ARI and Asterisk's configuration files. Pure."""
