"""Stage 6: Outcome -> Version, and the store of versions and of what every host must see beside them.

`record`, `rollback` and `recent` are pure: what a version says, what returning to one would write, what was last done.
`store` keeps versions, holds and marks, leases, waves and the fleet's owner in a bare git repository, each on a ref of
its own, and is picked by assemble alone. Nothing here speaks to the cloud or reads a fleet repository.
"""
