"""The Engine port on DBOS: applies whose steps outlive the process, on SQLite (embedded) or PostgreSQL (many workers).

`engine` is what others see; `journaled` alone speaks to DBOS, and is imported when there is something to walk. Nothing
here decides what to change, and nothing kept here is the truth: an apply can always be cancelled and planned anew.
"""
