"""AIPress reconciler: Git as the control panel of a WordPress fleet on Google Cloud.

The map of the house is in ARCHITECTURE.md beside this file; every package says in its
first sentence what may live in it. Import direction is a test (pyproject, importlinter).
Nothing lives here but the version: code has a room.
"""

__version__ = "0.1.0"
