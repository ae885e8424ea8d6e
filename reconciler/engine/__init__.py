"""Drivers: they feed the pure machines of applying/ with answers, and keep what doing so safely needs.

Here live the durable driver (`durable`), the one door to the cloud with what is asked before each write (`effects`:
stop switch, limits, lease, who owns the fleet), the journal of intents and the ledger of effects, and the system clock.
Deciding what to change or what an answer means never happens here; nothing here is the truth about the cloud.
"""
