"""Stage 6: Outcome -> Version, and the store of versions and holds.

`record` and `rollback` are pure: what a version says, what returning to one would write. `store` keeps versions in a
bare git repository and is picked by assemble alone. Nothing here speaks to the cloud or reads a fleet repository.
"""
