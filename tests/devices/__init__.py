"""Tests of the far end."""
