"""Tests of image, chart and manifests."""
