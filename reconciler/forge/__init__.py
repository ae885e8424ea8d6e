"""Code hosts: how they sign what they send, what of it is a hint, what is told on a pull request and who may ask for
what there. The network is in `calls` alone, and in the two adapters that use it; what such a host says is never desired
state: that is read from git."""
