"""When a cycle runs: triggers, intervals, shutdown. Not what a cycle does (cycle), nor an apply (actions/apply)."""
