"""The report of a study: pages that open offline, one subject in memory at a time.

::

    facts     what it is made from
    course    one ulcer from visit to visit: baseline, limits, change
    summary   what the front page says of a subject
    views     which piece of each photograph is shown, all at one scale
    tiles     photographs with outlines; charts: area and tissue; tables: sortable
    questions photographs whose ulcers a person has to name, and what settles each
    failures  what was not measured, by stage and cause
    subject   a subject's part; front: the front page
    writing   the files
"""

from __future__ import annotations

from woundseg.report.facts import Panel, PhotoShown, Question, Step, StudyFacts, SubjectReport
from woundseg.report.writing import write

__all__ = ["Panel", "PhotoShown", "Question", "Step", "StudyFacts", "SubjectReport", "write"]
