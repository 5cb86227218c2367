"""What woundseg's pages and pictures have in common, so that they look alike.

::

    look     colours by name, light and dark; the outline's own colour
    css      the style sheet that every page begins with
    markup   HTML that escapes what it is given; the whole document
    words    numbers as pages write them
"""
