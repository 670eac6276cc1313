"""Tests of the edge function."""
