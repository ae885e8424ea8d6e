"""Stage 4: Desired x Live -> Plan. Every choice is made here, and nothing is read: live state and time are arguments.

Pure. Planners for release, move, restore and rotation will live here too; what acts on a plan never does.
"""
