"""What a person can ask for, one file each: stages composed, values returned. No printing, no parsing of flags."""
