"""What a person can ask for, one file each: each composes stages through cycle.py and returns values. No printing, no parsing."""
