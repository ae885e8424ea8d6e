"""What Google's own descriptors say: routes, schemas, enum numbers, and how a body is judged by them.

Nothing about how a service behaves may live here, and no state.
"""
