"""When a cycle runs: triggers, intervals, shutdown. Nothing else: what a cycle does is cycle.py's; an apply, actions/apply's."""
