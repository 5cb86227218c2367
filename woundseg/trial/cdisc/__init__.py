"""The data sets of section 8: TU, TR, RS, ADSL, ADRS and ADTTE as data frames, CSV and XPT.

``variables`` is the one table of variables; ``sdtm`` and ``adam`` fill it, ``define`` prints it,
``xport`` writes SAS transport files; ``datasets`` is the door to all of them.
"""
