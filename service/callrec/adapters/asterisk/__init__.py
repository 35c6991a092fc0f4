"""Asterisk's three doors: AMI, FastAGI, ARI."""
