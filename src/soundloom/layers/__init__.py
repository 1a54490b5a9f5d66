"""Building blocks that more than one system uses.

In: batches of clips or conditions. Out: the same, changed for training, or the parts of networks that need care.
"""
