"""When a cycle runs: triggers, intervals, shutdown. Not what a cycle does (cycle.py), nor an apply (actions/apply)."""
