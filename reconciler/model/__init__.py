"""THE WORDS: frozen typed values, the errors and the ports. No input or output, no clock, no randomness.

Anything here may be used by every other room; nothing here knows any other room.
The words and their meanings are the table in ARCHITECTURE.md; no synonyms.
"""
