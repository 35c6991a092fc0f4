"""Live calls: who is in them, what is recorded, and the state machine of a recording.

Here is the machine itself; its folders say what happens to legs, to captures, by controls, and by announcements.
"""
