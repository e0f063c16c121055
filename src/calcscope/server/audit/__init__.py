"""Who saw and changed what: a record that can be added to and never changed."""
