"""The live service: rooms behind one endpoint, signalling, the page."""
