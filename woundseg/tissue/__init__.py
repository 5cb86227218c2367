"""What the ulcer's bed is made of: what is learnt from, and how well it is called.

::

    allowed   what each pixel may be: labels, and what an outline alone says
    window    the square over an ulcer in which its tissue is looked at
    pieces    labelled crops, and windows over other ulcers, to learn from
    figures   Dice of tissues, errors of fractions
    tables    CSV files of this room: columns, and errors that name row and value
    derive    necrosis where no data set labels it: the rule, and the rows that it is applied by
    judged    crops whose tissue was judged by eye, kept apart from all training

The network itself is read in ``woundseg.tissue_map``.
"""
