"""Architectures. Needs ``woundseg[train]``."""
