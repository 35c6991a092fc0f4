"""What is true about calls and recordings. Pure: no clock, no loop, no disk, no network; time and ids are arguments."""
