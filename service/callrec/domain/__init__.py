"""The rules for calls, recordings and users, without I/O: no clock, loop, disk or network; time and ids are arguments."""
