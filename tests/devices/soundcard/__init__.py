"""Tests of the sound card's device."""
