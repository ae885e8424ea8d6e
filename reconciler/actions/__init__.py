"""What a person can ask for, one file each: stages composed through cycle.py, values returned. No printing or parsing."""
