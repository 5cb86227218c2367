"""Section 1 of the protocol: the YAML, its checks and its overrides."""

from __future__ import annotations

import hashlib

import pytest
import yaml

from woundseg.errors import ConfigurationError
from woundseg.trial.protocol import Protocol, load, variant


def test_the_default_is_as_published():
    # Section 1's values that the trial stands on: WHO's 50 % and 25 % (W1), FDA's two weeks (F1)
    protocol = load()
    assert protocol.protocol.study == "NCT06480123"
    assert protocol.category.pr.min_decrease_pct == 50.0
    assert protocol.category.pd.min_increase_pct == 25.0
    assert (protocol.bor.confirm_days_cr, protocol.bor.confirm_days_pr) == (14, 28)
    assert (protocol.bor.cutoff_day, protocol.bor.sd_min_days) == (211, 42)
    assert protocol.window("M6") == ("M6", 183, 155, 211)
    assert len(protocol.schedule) == 14


def test_a_file_overrides_only_the_keys_it_has(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("bor: {sd_min_days: 84}\n", encoding="utf-8-sig")
    changed, default = load(path), load()
    assert changed.bor.sd_min_days == 84
    assert changed.override({"bor": {"sd_min_days": 42}}) == default


def test_what_is_written_reads_back_and_carries_its_sha256():
    protocol = load()
    text = protocol.to_yaml()
    assert Protocol.model_validate(yaml.safe_load(text)) == protocol
    assert protocol.sha256() == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "cause", "remedy"),
    [
        ("bor: {sd_min_day: 3}", "unknown key bor.sd_min_day", "Did you mean bor.sd_min_days"),
        ("sd_min_days: 3", "unknown key sd_min_days", "Did you mean bor.sd_min_days"),
        ("bor: {sd_min_days: -3}", "bor.sd_min_days is -3", ""),
        ("bor: {max_ne_between: true}", "bor.max_ne_between is True", ""),
        ("ulcer: {strategy: indx}", "ulcer.strategy is 'indx'", "Did you mean index"),
        ("bor: 3", "bor is 3, not a group of keys", "cutoff_day"),
        ("landmark: {lo: 190}", "landmark.target_day must lie between lo and hi", ""),
        ("schedule: [[A, 2, 1, 3], [B, 9, 5, 9]]", "B must begin on day 4", ""),
        ("schedule: [[A, 2, 1, 3], [A, 4, 4, 9]]", "two windows have the same name", ""),
        ("category: {cr: {closed_tol_cm2: .nan}}", "category.cr.closed_tol_cm2 is nan", ""),
        ("population: {conf_level: 95}", "population.conf_level is 95", ""),
        ("[1, 2]", "holds no keys", ""),
        ("a: [", "is not YAML", ""),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path, text, cause, remedy):
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load(path)
    assert str(path) in refused.value.line()
    assert cause in refused.value.cause
    assert remedy in refused.value.remedy


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", ["eval", "accept_sd", "no_cutoff", "sd84", "new_ulcer_pd"])
def test_each_shipped_variant_changes_the_default(name):
    assert variant(name, load()) != load()
