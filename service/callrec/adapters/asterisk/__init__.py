"""The connections with Asterisk: AMI, FastAGI, ARI."""
