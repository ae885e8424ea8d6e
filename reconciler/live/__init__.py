"""STAGE 3: what the cloud does look like. Asks the Cloud port and judges its answers: found, absent or unknown.

Knows no Google library and decides nothing about what should be; a failed read is never an empty one.
"""
