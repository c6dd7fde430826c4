"""The job that builds the index of neighbours."""
