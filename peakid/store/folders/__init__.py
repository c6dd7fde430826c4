"""Which folder holds a workspace: created, listed, looked into, or put in the place of another."""
