"""Drivers: they feed the pure machines of applying/ with answers, and keep what one host needs to do so safely.

Here live the thread driver, the journal of intents, leases, the stop switch and the system clock. Deciding what to
change or what an answer means never happens here; nothing here is the truth about the cloud.
"""
