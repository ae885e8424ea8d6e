"""WHAT IS TRUE OF EACH KIND of cloud object, as one table, and the comparison that reads it. Data and pure functions.

Adding a kind: one entry in catalog.py, one adapter in gcp/, one function in desired/, one golden scenario.
"""
