"""When a cycle runs: triggers, intervals, shutdown. What a cycle does is cycle.py's, what an apply is actions/apply's."""
