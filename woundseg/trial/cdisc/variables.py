"""The one table of variables (section 8): name, label, type, codelist, origin, derivation.

The data frames, the CSV, the XPT files and the define table are all made from it. Types, labels
and limits follow protocol.md's section 8 and SAS's TS-140 (X1, X2, X3 of the protocol). No
threshold stands here: derivations name the protocol's section and its dotted keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from woundseg.trial.codes import Code
from woundseg.trial.course import REASON

MAX_NAME, MAX_LABEL, MAX_TEXT = 8, 40, 200
"""Limits of XPT version 5: characters of a name and of a label, bytes of a value (TS-140)."""

Kind = Literal["char", "num", "date"]
Origin = Literal["Collected", "Assigned", "Derived", "Predecessor"]


@dataclass(frozen=True)
class Variable:
    """One variable of one data set.

    Attributes:
        name: at most 8 of A-Z, 0-9 and _; in ``_SDTM`` a leading ``--`` stands for the domain.
        label: at most 40 ASCII characters.
        kind: char, num, or a date (ISO text in CSV; a SAS date, a number, in XPT).
        origin: in the words of Define-XML.
        derivation: where the value comes from.
        codelist: the values it may have besides blank; empty for free ones.
        optional: left out where the input has no value of it.
    """

    name: str
    label: str
    kind: Kind
    origin: Origin
    derivation: str
    codelist: tuple[str, ...] = ()
    optional: bool = False

    @property
    def type(self) -> str:
        """``char`` or ``num``, as SAS knows no dates."""
        return "char" if self.kind == "char" else "num"

    @property
    def format(self) -> str:
        """The SAS format; blank for none."""
        return "DATE9." if self.kind == "date" else ""


@dataclass(frozen=True)
class DataSet:
    """One data set: its name, label, structure, sort keys and variables."""

    name: str
    label: str
    structure: str
    keys: tuple[str, ...]
    variables: tuple[Variable, ...]


PARAMETERS: dict[str, tuple[str, str]] = {
    "OVR": ("Overall Response at Visit", "Ulcer Response"),
    "PD": ("First Progression", "Reference Event"),
    "RSP": ("Response", "Ulcer Response"),
    "CRSP": ("Confirmed Response", "Ulcer Response"),
    "BOR": ("Best Overall Response", "Ulcer Response"),
    "CBOR": ("Confirmed Best Overall Response", "Ulcer Response"),
    "CB": ("Disease Control", "Ulcer Response"),
    "CCB": ("Confirmed Disease Control", "Ulcer Response"),
    "LM6": ("Response at Month 6 Landmark", "Ulcer Response"),
    "DEATH": ("Death", "Reference Event"),
    "LSTA": ("Last Evaluable Assessment", "Reference Event"),
}
"""PARAM and PARCAT1 of each PARAMCD of ADRS, in the order of its rows."""

DURATIONS: dict[str, str] = {
    "DOR": "Duration of Remission (days)",
    "RSD": "Duration of Response (days)",
    "TTR": "Time to Response (days)",
    "TTC": "Time to Closure (days)",
}
"""PARAM of each PARAMCD of ADTTE, in the order of its rows."""

TIME_TO_EVENT = "Time to Event"

TESTS: dict[str, tuple[str, str]] = {
    "TUMIDENT": ("Ulcer Identification", ""),
    "AREA": ("Ulcer Area", "cm2"),
    "AREASD": ("Standard Deviation of Ulcer Area", "cm2"),
    "PERIM": ("Ulcer Perimeter", "cm"),
    "GRANFR": ("Granulation Fraction", "fraction"),
    "SUMAREA": ("Sum of Ulcer Areas", "cm2"),
    "OVRLRESP": ("Overall Response", ""),
    "BESTRESP": ("Best Overall Response", ""),
}
"""--TEST and the unit of each --TESTCD."""

TESTS_OF = {
    "TU": ("TUMIDENT",),
    "TR": ("AREA", "AREASD", "PERIM", "GRANFR", "SUMAREA"),
    "RS": ("OVRLRESP", "BESTRESP"),
}

AVAL_OF_CODE = {"CR": 1, "PR": 2, "SD": 3, "NON-CR/NON-PD": 4, "PD": 5, "NE": 6, "MISSING": 7}
AVAL_OF_FLAG = {"Y": 1, "N": 0}

NOTEVAL, UNCALIBRATED, POSTAMP, ND = "NOTEVAL", "uncalibrated photo", "POSTAMP", "ND"
"""Reasons why a result is not there."""

EVENTS = ("RECUR", "NEWULC", "AMPUT", "DEATH", "RESPONSE", "CLOSED")
CENSORINGS = ("RESCUE", "MISSED", "LASTASM")

_BEST = tuple(code.text for code in Code if code is not Code.ABSENT)
_PD_REASONS = ("REOPEN", "GROWTH", "ASSESSED", "EXTERNAL")
_YN = ("Y", "N")
_UNITS = ("cm2", "cm", "fraction")
_ROW = "visits.csv"


def _char(
    name: str, label: str, origin: Origin, derivation: str, codelist: tuple[str, ...] = ()
) -> Variable:
    return Variable(name, label, "char", origin, derivation, codelist)


def _num(name: str, label: str, origin: Origin, derivation: str) -> Variable:
    return Variable(name, label, "num", origin, derivation)


def _date(name: str, label: str, origin: Origin, derivation: str) -> Variable:
    return Variable(name, label, "date", origin, derivation)


_STUDY = _char("STUDYID", "Study Identifier", "Assigned", "protocol.study")
_USUBJID = _char("USUBJID", "Unique Subject Identifier", "Assigned", "STUDYID-subject")

_SDTM: tuple[tuple[str, Variable], ...] = (
    ("TU TR RS", _STUDY),
    ("TU", _char("DOMAIN", "Domain Abbreviation", "Assigned", "constant", ("TU",))),
    ("TR", _char("DOMAIN", "Domain Abbreviation", "Assigned", "constant", ("TR",))),
    ("RS", _char("DOMAIN", "Domain Abbreviation", "Assigned", "constant", ("RS",))),
    ("TU TR RS", _USUBJID),
    ("TU TR RS", _num("--SEQ", "Sequence Number", "Derived", "1, 2, ... within the subject")),
    ("TU TR", _char("--LNKID", "Link ID", "Collected", f"{_ROW} ulcer; blank for a sum")),
    (
        "TR RS",
        _char("--LNKGRP", "Link Group ID", "Derived", "date of the visit: all of one response"),
    ),
    ("TU", _char("--TESTCD", "Short Name", "Assigned", "constant", TESTS_OF["TU"])),
    ("TR", _char("--TESTCD", "Short Name", "Assigned", "by the column read", TESTS_OF["TR"])),
    ("RS", _char("--TESTCD", "Short Name", "Assigned", "a visit, or the best", TESTS_OF["RS"])),
    ("TU TR RS", _char("--TEST", "Test Name", "Assigned", "decode of --TESTCD")),
    (
        "TU",
        _char(
            "--ORRES",
            "Result or Finding in Original Units",
            "Derived",
            "section 2.4: NEW without a baseline and with an area after day 0; TARGET the index "
            "ulcer (or a member of the sum); NON-TARGET any other",
            ("TARGET", "NON-TARGET", "NEW"),
        ),
    ),
    (
        "TR",
        _char(
            "--ORRES",
            "Result or Finding in Original Units",
            "Collected",
            f"{_ROW} area_cm2, area_sd (or from its interval), perimeter_cm, granulation; SUMAREA "
            "the sum of section 2.4; >= before a lower bound (section 2.6a); blank where NOT DONE",
        ),
    ),
    (
        "RS",
        _char(
            "--ORRES",
            "Result or Finding in Original Units",
            "Derived",
            "OVRLRESP: section 3, or the assessed code; BESTRESP: CBOR of section 4",
            _BEST,
        ),
    ),
    ("TR", _char("TRORRESU", "Original Units", "Assigned", "by TRTESTCD", _UNITS)),
    (
        "TU TR RS",
        _char("--STRESC", "Character Result/Finding in Std Format", "Derived", "--ORRES"),
    ),
    (
        "TR",
        _num(
            "TRSTRESN",
            "Numeric Result/Finding in Standard Units",
            "Derived",
            "TRORRES; missing for a lower bound",
        ),
    ),
    ("TR", _char("TRSTRESU", "Standard Units", "Assigned", "TRORRESU", _UNITS)),
    (
        "TR RS",
        _char(
            "--STAT",
            "Completion Status",
            "Derived",
            "NOT DONE where there is no result (NE is a result, ND is none)",
            ("NOT DONE",),
        ),
    ),
    (
        "TR",
        _char(
            "--REASND",
            "Reason Not Done",
            "Derived",
            "section 2.2 (calibrated N: uncalibrated photo), section 2.6 (POSTAMP)",
            (NOTEVAL, UNCALIBRATED, POSTAMP),
        ),
    ),
    ("RS", _char("--REASND", "Reason Not Done", "Derived", "assessed as not done", (ND,))),
    (
        "RS",
        _char(
            "RSCAT",
            "Category for Response Assessment",
            "Assigned",
            "WOUNDSEG WHO-LIKE and protocol.version",
        ),
    ),
    (
        "TU TR RS",
        _char(
            "--METHOD",
            "Method",
            "Assigned",
            "PHOTOGRAPHY; blank for an assessed code, an amputation, a best response",
            ("PHOTOGRAPHY",),
        ),
    ),
    (
        "TU TR RS",
        _char(
            "--EVAL",
            "Evaluator",
            "Assigned",
            "INVESTIGATOR for an assessed code, a photograph that a person has read, and an ulcer "
            "named by the column target",
            ("ALGORITHM", "INVESTIGATOR"),
        ),
    ),
    (
        "TR RS",
        replace(
            _char("--EVALID", "Evaluator Identifier", "Collected", f"{_ROW} reader"), optional=True
        ),
    ),
    (
        "TU TR RS",
        _num("VISITNUM", "Visit Number", "Derived", "0 baseline window, 1, 2, ... as the schedule"),
    ),
    (
        "TU TR RS",
        _char(
            "VISIT",
            "Visit Name",
            "Derived",
            "BASELINE up to day 0 in its window, else the schedule's; blank outside",
        ),
    ),
    ("TU TR RS", _char("--DTC", "Date/Time", "Collected", f"{_ROW} date, ISO 8601")),
    (
        "TU TR RS",
        _num("--DY", "Study Day", "Derived", "--DTC - first dose, +1 from the first dose on"),
    ),
)

_FASFL = _char("FASFL", "Full Analysis Set Population Flag", "Collected", "subjects.csv fasfl", _YN)
_EVALFL = _char("EVALFL", "Response Evaluable Population Flag", "Derived", "EVAL of section 5", _YN)
_TRTSDT = _date(
    "TRTSDT",
    "Date of First Exposure to Treatment",
    "Collected",
    "subjects.csv trt_start; without the file the visit BASELINE, else the first date",
)

_ADSL: tuple[Variable, ...] = (
    _STUDY,
    _USUBJID,
    _char("SUBJID", "Subject Identifier for the Study", "Collected", "subject"),
    _FASFL,
    _EVALFL,
    _TRTSDT,
    _date("RESCDT", "Date of Rescue Therapy", "Collected", "subjects.csv rescue_date"),
    _date("AMPDT", "Date of Index Limb Amputation", "Collected", "subjects.csv amputation_date"),
    _date("DTHDT", "Date of Death", "Collected", "subjects.csv death_date"),
    _char("DTHFL", "Subject Death Flag", "Derived", "Y where DTHDT is there", ("Y",)),
    _date("BLADT", "Baseline Area Date", "Derived", "section 2.3; the latest of a sum"),
    _num("BLAREA", "Baseline Ulcer Area (cm2)", "Derived", "section 2.3"),
    _char("SMALLFL", "Small Baseline Ulcer Flag", "Derived", "baseline.small_ulcer_cm2", _YN),
    _char("INDEXULC", "Index Ulcer Identifier", "Derived", "section 2.4; SUM for a sum"),
    _date("NEWULDT", "Date of First New Ulcer", "Derived", "section 2.4"),
    _date(
        "LSTEVDT",
        "Date of Last Evaluable Assessment",
        "Derived",
        "the last analysed evaluable record (sections 2.5 to 2.7)",
    ),
    replace(_num("AGE", "Age", "Collected", "subjects.csv age"), optional=True),
    replace(_char("SEX", "Sex", "Collected", "subjects.csv sex"), optional=True),
)

_FROM_ADSL = tuple(
    replace(v, origin="Predecessor", derivation=f"ADSL.{v.name}")
    for v in (_STUDY, _USUBJID, _FASFL, _EVALFL, _TRTSDT)
)

_ADAM: tuple[tuple[str, Variable], ...] = (
    *(("ADRS ADTTE", variable) for variable in _FROM_ADSL),
    ("ADRS", _char("PARAMCD", "Parameter Code", "Assigned", "section 8", tuple(PARAMETERS))),
    ("ADTTE", _char("PARAMCD", "Parameter Code", "Assigned", "section 8", tuple(DURATIONS))),
    ("ADRS ADTTE", _char("PARAM", "Parameter", "Assigned", "decode of PARAMCD")),
    (
        "ADRS",
        _char(
            "PARCAT1",
            "Parameter Category 1",
            "Assigned",
            "by PARAMCD",
            ("Ulcer Response", "Reference Event"),
        ),
    ),
    (
        "ADTTE",
        _char("PARCAT1", "Parameter Category 1", "Assigned", "constant", (TIME_TO_EVENT,)),
    ),
    (
        "ADRS",
        _num(
            "AVAL",
            "Analysis Value",
            "Derived",
            "; ".join(f"{k} {v}" for k, v in (AVAL_OF_CODE | AVAL_OF_FLAG).items())
            + "; missing for others",
        ),
    ),
    ("ADTTE", _num("AVAL", "Analysis Value", "Derived", "ADT - STARTDT + 1, in days")),
    (
        "ADRS",
        _char("AVALC", "Analysis Value (C)", "Derived", "sections 3 and 4", (*_BEST, *_YN)),
    ),
    (
        "ADRS",
        _date("ADT", "Analysis Date", "Derived", "date of the record that gives the value"),
    ),
    ("ADTTE", _date("ADT", "Analysis Date", "Derived", "date of the event or censoring")),
    ("ADRS", _num("ADY", "Analysis Relative Day", "Derived", "ADT - TRTSDT, +1 from TRTSDT on")),
    (
        "ADRS",
        _char("AVISIT", "Analysis Visit", "Derived", "window of the schedule; blank outside"),
    ),
    ("ADRS", _num("AVISITN", "Analysis Visit (N)", "Derived", "1, 2, ... as the schedule")),
    ("ADRS", _num("BASE", "Baseline Value", "Derived", "OVR: ADSL.BLAREA [cm2]")),
    (
        "ADRS",
        _num("NADIR", "Nadir Before Visit", "Derived", "OVR: N of section 3 [cm2]"),
    ),
    ("ADRS", _num("AREA", "Ulcer Area (cm2)", "Predecessor", "OVR: TR.TRSTRESN")),
    (
        "ADRS",
        _num("PCHGB", "Percent Change from Baseline", "Derived", "OVR: 100*(AREA-BASE)/BASE"),
    ),
    (
        "ADRS",
        _num("PCHGN", "Percent Change from Nadir", "Derived", "OVR: 100*(AREA-NADIR)/NADIR"),
    ),
    (
        "ADRS",
        _char(
            "REASON",
            "Reason for Visit Response",
            "Derived",
            "OVR: the rule of section 3; sections 2.6, 2.6a and 10a",
            tuple(reason for reason in REASON if reason),
        ),
    ),
    (
        "ADRS",
        _char(
            "BORDFL",
            "Borderline Category Flag",
            "Derived",
            "OVR: Y if the interval straddles the threshold of PR or PD (section 5)",
            _YN,
        ),
    ),
    (
        "ADRS",
        _char(
            "ANL01FL",
            "Analysis Flag 01",
            "Derived",
            "OVR: section 2.7; Y for every other parameter",
            ("Y",),
        ),
    ),
    (
        "ADRS",
        _char(
            "ANL02FL",
            "Analysis Flag 02",
            "Derived",
            "OVR: up to the first PD (section 2.7)",
            ("Y",),
        ),
    ),
    (
        "ADTTE",
        _date(
            "STARTDT",
            "Time-to-Event Origin Date for Subject",
            "Derived",
            "section 6, column start",
        ),
    ),
    ("ADTTE", _num("CNSR", "Censor", "Derived", "section 6: 0 event, 1 to 3 censored")),
    (
        "ADTTE",
        _char(
            "EVNTDESC",
            "Event or Censoring Description",
            "Derived",
            "section 6; of RSD's progression its reason",
            (*EVENTS, *_PD_REASONS, *CENSORINGS),
        ),
    ),
    (
        "ADTTE",
        _char("CNSDTDSC", "Censor Date Description", "Derived", "what lies on ADT if censored"),
    ),
    (
        "ADTTE",
        _num(
            "EVTYPE",
            "Competing Event Type",
            "Derived",
            "section 6: 0 none, 1 the event of interest, 2 death or amputation competes",
        ),
    ),
    (
        "ADRS ADTTE",
        _char(
            "SRCDOM",
            "Source Data",
            "Assigned",
            "data set of the source record; SUBJECTS: subjects.csv",
            ("RS", "TU", "ADRS", "ADSL", "SUBJECTS"),
        ),
    ),
    (
        "ADRS ADTTE",
        _char("SRCVAR", "Source Variable", "Assigned", "variable of the source record"),
    ),
    (
        "ADRS ADTTE",
        _num(
            "SRCSEQ",
            "Source Sequence Number",
            "Assigned",
            "--SEQ or ASEQ of the source record; missing where the source has one row a subject",
        ),
    ),
    (
        "ADRS ADTTE",
        _num("ASEQ", "Analysis Sequence Number", "Derived", "1, 2, ... within the subject"),
    ),
)


def _of(domain: str, table: tuple[tuple[str, Variable], ...]) -> tuple[Variable, ...]:
    def named(variable: Variable) -> Variable:
        return replace(
            variable,
            name=variable.name.replace("--", domain),
            derivation=variable.derivation.replace("--", domain),
        )

    return tuple(named(variable) for domains, variable in table if domain in domains.split())


@cache
def data_sets() -> dict[str, DataSet]:
    """The six data sets by name, in the order in which they are written."""
    sets = (
        DataSet(
            "TU",
            "Tumor/Lesion Identification",
            "One record per ulcer per subject",
            ("STUDYID", "USUBJID", "TULNKID"),
            _of("TU", _SDTM),
        ),
        DataSet(
            "TR",
            "Tumor/Lesion Results",
            "One record per test per photograph and ulcer per subject",
            ("STUDYID", "USUBJID", "TRDTC", "TRLNKID", "TRSEQ"),
            _of("TR", _SDTM),
        ),
        DataSet(
            "RS",
            "Disease Response and Clin Classification",
            "One record per date per subject, and one for the best response",
            ("STUDYID", "USUBJID", "RSTESTCD", "RSDTC"),
            _of("RS", _SDTM),
        ),
        DataSet(
            "ADSL",
            "Subject-Level Analysis Dataset",
            "One record per subject",
            ("STUDYID", "USUBJID"),
            _ADSL,
        ),
        DataSet(
            "ADRS",
            "Response Analysis Dataset",
            "One record per subject, parameter and date",
            ("STUDYID", "USUBJID", "PARAMCD", "ADT"),
            _of("ADRS", _ADAM),
        ),
        DataSet(
            "ADTTE",
            "Time-to-Event Analysis Dataset",
            "One record per subject and parameter",
            ("STUDYID", "USUBJID", "PARAMCD"),
            _of("ADTTE", _ADAM),
        ),
    )
    return {found.name: found for found in sets}
