"""Expressions that people write (CEL), evaluated where they can harm nobody.

May live here: the adapter of the Expressions port, and the process it starts. May not: what is asked and what comes of
an answer (that is planning), and any other room: the process sees expressions and facts, no fleet, file or secret.
"""
