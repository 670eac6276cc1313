"""The edge function: standard library only, built into a zip by `python -m edge.build`."""
