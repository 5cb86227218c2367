"""The pieces of the endpoint for data frames, under the names of section 10."""

from __future__ import annotations

from typing import TYPE_CHECKING

from woundseg.errors import TableError
from woundseg.trial.assess import Assessment, assess
from woundseg.trial.protocol import Protocol, load
from woundseg.trial.study import prepare
from woundseg.trial.subject_table import response_columns
from woundseg.trial.tables import Subjects, subjects_from_frame, subjects_of, visits_from_frame
from woundseg.trial.visit_table import visit_table

if TYPE_CHECKING:
    import pandas as pd

UNCONFIRMED = ("rsp", "bor", "cb")
CONFIRMED = ("crsp", "cbor", "ccb")


def visit_response(
    visits: pd.DataFrame, subjects: pd.DataFrame | None = None, protocol: Protocol | None = None
) -> pd.DataFrame:
    """Each visit's category (section 3), with the columns of visit_response.csv.

    Args:
        visits: columns of visits.csv.
        subjects: columns of subjects.csv; None takes trt_start from the visit named BASELINE.
        protocol: the rules; None for the default.

    Raises:
        TableError: a table that cannot be understood.
    """
    rules = load() if protocol is None else protocol
    table = visits_from_frame(visits)
    listed = subjects_of(table) if subjects is None else subjects_from_frame(subjects)
    return visit_table(assess(prepare(table, listed, rules), rules))[0]


def best_response(
    visit_response: pd.DataFrame,
    subjects: pd.DataFrame | None = None,
    protocol: Protocol | None = None,
) -> pd.DataFrame:
    """Best overall response without confirmation (section 4).

    Args:
        visit_response: columns subject, date and response; of them those with anl01fl = Y where
            that column is there. Blank responses are ignored.
        subjects: columns of subjects.csv; everyone in it gets a row. None takes trt_start from
            the column day, else from the first date.
        protocol: the rules; None for the default.

    Returns:
        subject, rsp, rsp_date, bor, bor_date, cb, cb_date.

    Raises:
        TableError: an unknown response code, or another value that cannot be understood.
    """
    return _responses(_assessed(visit_response, subjects, protocol), UNCONFIRMED)


def confirmed_response(
    visit_response: pd.DataFrame,
    subjects: pd.DataFrame | None = None,
    protocol: Protocol | None = None,
) -> pd.DataFrame:
    """The same with confirmation: subject, crsp, crsp_date, cbor, cbor_date, ccb, ccb_date."""
    return _responses(_assessed(visit_response, subjects, protocol), CONFIRMED)


def _responses(found: Assessment, names: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    columns = response_columns(found)
    shown = {"subject": found.study.subjects.subject}
    for name in names:
        shown |= {name: columns[name], f"{name}_date": columns[f"{name}_date"]}
    return pd.DataFrame(shown)


def _assessed(
    coded: pd.DataFrame, subjects: pd.DataFrame | None, protocol: Protocol | None
) -> Assessment:
    """The codes of a table as assessed codes of one ulcer a subject."""
    rules = load() if protocol is None else protocol
    rules = rules.override({"source": "assessed", "ulcer": {"strategy": "index"}})
    for name in ("subject", "date", "response"):
        if name not in coded.columns:
            raise TableError(
                "visit_response", f"column {name} is missing", f"Add a column named {name}"
            )
    analysed = coded[coded["anl01fl"] == "Y"] if "anl01fl" in coded.columns else coded
    rows = analysed[["subject", "date", "response"]].assign(
        visit="", ulcer="u1", area_cm2="", evaluable=""
    )
    table = visits_from_frame(rows, "visit_response")
    listed = _listed(coded) if subjects is None else subjects_from_frame(subjects)
    return assess(prepare(table, listed, rules), rules)


def _listed(coded: pd.DataFrame) -> Subjects:
    """Subjects of a visit_response table: its first dose is its date less its day."""
    import pandas as pd

    first = coded.groupby("subject", sort=True).first().reset_index()
    start = pd.to_datetime(first["date"])
    if "day" in first.columns:
        start = start - pd.to_timedelta(first["day"].astype(int), unit="D")
    return subjects_from_frame(pd.DataFrame({"subject": first["subject"], "trt_start": start}))
