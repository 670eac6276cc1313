"""Tests of the regional function and of the contract it shares with the edge."""
