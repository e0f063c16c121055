"""Who works here: accounts, roles, sites, signing in."""
