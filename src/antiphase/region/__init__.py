"""The regional function: what the edge hands over, behind one contract with it."""
