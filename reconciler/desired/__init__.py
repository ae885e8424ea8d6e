"""Stage 2: Fleet -> Desired. What the cloud should hold for what was written, and the line behind each field.

Pure: no clock, no reading, no history. Cloud names are made in naming.py and nowhere else. What the cloud holds
today, and what follows from the difference, is not known here.
"""
