"""Published results, reproduced on their own data, so that a reader can trust ours beside them."""
