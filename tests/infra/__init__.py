"""Tests of the Terraform modules."""
