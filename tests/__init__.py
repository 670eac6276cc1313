"""The tests mirror the sources; what they share is imported from here."""
