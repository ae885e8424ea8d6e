"""The command line: parses and prints, and nothing else. One file per command family; `app.py` is the list of them.

What may live here: flags, questions to a person, what goes to which stream, drawing on a terminal. What may not:
deciding anything, or speaking to a cloud, to git or to the history other than through `assemble` and `actions`.
A command's file is imported when the command is called: `aipress --help` imports none of them.
"""
