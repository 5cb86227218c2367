"""Training: augmentation, losses, the fit, and the export of weights. Needs ``woundseg[train]``."""
