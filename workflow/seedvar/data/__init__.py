"""Data: tasks, splits, metrics, and how examples become tokens."""
