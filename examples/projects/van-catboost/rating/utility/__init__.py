"""Helpers shared by the nodes of the pipeline."""
