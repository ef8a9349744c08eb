"""Pages about people: one's own account, and those of everybody for the office."""
