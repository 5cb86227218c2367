"""A study's rows for other systems: FHIR R4 Observations, an import file for REDCap."""
