"""The loop, once: source -> desired -> live -> plan -> apply -> record. Where the stages meet, and nothing else.

`loop` is the seven in order; the other files are what it asks of the history between them. No stage's own work, no wish
of a person (actions/), no adapter.
"""
