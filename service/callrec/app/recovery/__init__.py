"""Recovery: no recording is lost when the daemon, its link to Asterisk or the store was away.

Theory. While the daemon is away, Asterisk goes on: its channels live, its recorders write into the spool, and the dialplan starts
and stops recorders by itself (fallback captures) and changes always-record flags by itself (fallback changes). Events of that
time are lost. What is true is found in four places, none of which knows all of it:

    the journal     what the daemon meant to record, and what of it has not ended
    the spool       what Asterisk has written, under the daemon's names or the dialplan's
    Asterisk        which channels live, which recorder is on each, and what the daemon noted there
    AstDB           what the dialplan noted: the other participant of a fallback capture and when it ended, each conversation
                    that nothing recorded, each fallback change

Recovery reads them, decides in `plan` and `fallback_recordings` (pure), and makes the calls what Asterisk says they are. Every
step may be repeated: ids follow from names, names are given once, and the journal holds a recording until the library has it. So
a crash, a lost link or a full disk in the middle costs a repetition, not a recording. All that recovery remembers is in `state`.

    start ──> ended recordings of the journal ──> finalizer      (needs no Asterisk)
      │
      v
    AMI link up <────────────────────────────────────────────────────────────────────────────┐
      │                                                                                      │
      │   1 hold       events of Asterisk wait; FastAGI answers `unavailable` (fallback mode)│
      │   2 tables     waited for, 5 s: they say whose phone it is                           │
      │   3 look       channels, recorders, spool, journal           Asterisk does not       │
      │   4 plan       which captures go on, which have ended        answer: release,        │
      │   5 adopt      one capture for each call goes on,            1 s later again from 1  │
      │                the other recorders are stopped                                       │
      │   6 calls      become what the list of channels says                                 │
      │                (what the dialplan records meanwhile is not theirs)                   │
      │   7 release    the held events, in their order; `is_resynced`                        │
      v                                                                                      │
    calls are followed; beside them, first of all:                                           │
      │     conversations that nothing recorded ──> entries without audio (wait for tables)  │
      │   8 AstDB and device states are written; fallback changes go to the store (every 5 s)│
      │   9 ended captures ──> journal ──> finalizer                                         │
      │  10 orphan files ──> recordings of unknown origin                                    │
      │  11 fallback captures that have ended ──> recordings (waits for the tables)          │
      │  12 without the tables in 2: from 1 again as soon as they are known                  │
      v                                                                                      │
    AMI link lost: events are missed, recorders go on, the dialplan is in fallback mode ─────┘

    store lost: calls go on with the copy of the tables; `*26` becomes a fallback change, which waits in AstDB

A file that is closed later without an open capture comes here from the spool router: it is an orphan file (10), or the end of a
fallback capture that began while the daemon was back already (11).
"""
