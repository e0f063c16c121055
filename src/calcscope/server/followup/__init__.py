"""Follow-up that cannot be lost: what was recommended stays open until it is done or closed with a reason."""
