"""The reading room: a reader's draft, signing it, addenda, second readers, and what is told of it."""
