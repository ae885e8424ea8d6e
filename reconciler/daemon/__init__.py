"""When a cycle runs: triggers, intervals, shutdown. What a cycle does is cycle.py's; an apply, actions/apply's."""
