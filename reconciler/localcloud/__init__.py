"""The local cloud: Google's REST APIs on loopback, for demos, tests and rehearsals, started as its own process.

An island: it may read Google's descriptors, but it imports no other room of the reconciler and no room imports it,
so that an error of ours about Google cannot confirm itself.
"""
