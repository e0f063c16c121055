"""Damaged inputs: seeds, ways to damage them, and the processes that have them read."""
