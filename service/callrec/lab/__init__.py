"""A complete small world for newcomers and tests: an Asterisk, a PBX, phones that talk, ears that listen."""
