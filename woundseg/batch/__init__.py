"""A study's folder of visits: many photographs, many subjects, the same ulcer from visit to visit.

::

    run        the driver: plan, measure what is new, conclude
    one        one photograph, from the file to what is kept of it
    workers    what a worker is; ``local`` and ``on_ray`` are where workers run
    seen       a photograph as the store knows it
    follow     names for ulcers that last from visit to visit
    rows       the rows of visits.csv, ``tables`` writes them
    conclude   tables, exports and report, from the store alone
    exports    files for import elsewhere, and what would stand in their way
    correct    a person's word that supersedes
    verify     whether anything was altered, and whether figures come out again
"""
