"""What the ulcer's bed is made of: labels that were derived, and crops that were judged by eye.

::

    tables    CSV files of this room: columns, and errors that name row and value
    derive    necrosis where no data set labels it: the rule, and the rows that it is applied by
    judged    crops whose tissue was judged by eye, kept apart from all training
"""
