"""THE ROOM THAT SPEAKS TO GOOGLE: a session, one file per Google service, and the table kind -> adapter (cloud.py).

Nothing here decides: adapters say what is there and do one call. Only this room imports google.*, and only inside
functions, so that a command that needs no cloud loads none of it.
"""
