"""Learning from several data sets: what is taken of each, in which share, and in what order."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs woundseg[train]")
pytest.importorskip("hydra", reason="needs woundseg[train]")
pytestmark = pytest.mark.train

from datasets import toy

from woundseg import config
from woundseg.errors import ConfigurationError, DataSetError
from woundseg.training import data, tasks
from woundseg.training.draws import Draw, SetSampler

MEDETEC_TOO = "data.sets.medetec.weight=1"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    toy.draw_fuseg(folder / "fuseg")
    toy.draw_feet(folder / "feet")
    toy.draw_medetec(folder / "medetec")
    return folder


def options(root, *words):
    given = [
        "data=clinics",
        f"data.root={root}",
        "model.encoder_weights=none",
        "augment.crop_px=32",
    ]
    return config.train_options([*given, "trainer=smoke", "data.long_side_px=64", *words])


def learnt(root, *words):
    parts = data.parts_of(options(root, *words).data)
    return {part.data_set.name: {sample.id for sample in part.train} for part in parts}


# --- what is taken ----------------------------------------------------------------------------


def test_sets_with_a_weight_are_learnt_from(root):
    assert learnt(root) == {"fuseg": {"0011", "0012", "0013", "0014"}, "feet": set(toy.FEET)}
    assert learnt(root, MEDETEC_TOO).keys() == {"fuseg", "feet", "medetec"}
    assert learnt(root, "data.sets.fuseg.weight=0").keys() == {"feet"}


@pytest.mark.parametrize("fold", [0, 1])
def test_what_is_held_out_is_learnt_from_in_no_set(root, fold):
    parts = data.parts_of(options(root, MEDETEC_TOO, f"data.hold_out=[{fold}]").data)
    assert len(parts) == 3
    for part in parts:
        assert part.train
        assert part.held_out
        assert {sample.fold for sample in part.held_out} == {fold}
        assert fold not in {sample.fold for sample in part.train}
        groups = ({s.group for s in samples} for samples in (part.train, part.held_out))
        assert not set.intersection(*groups)


def test_known_terms_only_leaves_out_sets_and_sources(root):
    taken = learnt(root, MEDETEC_TOO, "data.known_terms_only=true")
    assert taken["medetec"] == set()
    assert taken["feet"] == {"unsplash_000", "unsplash_001"}
    assert len(taken["fuseg"]) == 4
    single = ["data=medetec", f"data.root={root / 'medetec'}", "data.known_terms_only=true"]
    (part,) = data.parts_of(config.train_options(single).data)
    assert part.train == []


def test_a_limit_is_for_each_set(root):
    parts = data.parts_of(options(root, "data.limit=1", "data.hold_out=[0]").data)
    assert [(len(part.train), len(part.held_out)) for part in parts] == [(1, 1), (1, 1)]


def test_no_weight_is_refused(root):
    words = ("data.sets.fuseg.weight=0", "data.sets.feet.weight=0")
    with pytest.raises(ConfigurationError, match=r"data\.sets: has no weight above 0"):
        data.parts_of(options(root, *words).data)


def test_a_set_that_is_not_there_is_named(root, tmp_path):
    with pytest.raises(DataSetError, match="no such folder"):
        data.parts_of(options(root, f"data.sets.feet.root={tmp_path / 'gone'}").data)


def test_nothing_left_is_refused(root):
    words = ("data.sets.fuseg.weight=0", "data.sets.feet.weight=0", MEDETEC_TOO)
    with pytest.raises(ConfigurationError, match="leave nothing to train on"):
        tasks.of(options(root, *words, "data.known_terms_only=true"))


def test_the_run_says_what_was_learnt_from(root):
    told = tasks.of(options(root, MEDETEC_TOO, "data.hold_out=[0]")).sets
    assert {
        "set": "fuseg",
        "source": None,
        "training": 2,
        "held_out": 2,
        "terms_known": True,
    } in told
    assert {
        (row["set"], row["source"], row["training"], row["held_out"], row["terms_known"])
        for row in told
        if row["set"] == "feet"
    } == {
        ("feet", "floor", 1, 0, False),
        ("feet", "nails", 1, 1, False),
        ("feet", "unsplash", 1, 1, True),
    }


def test_evaluation_is_of_one_set_and_says_so(root):
    evaluation = config.evaluation(["data=clinics", f"data.root={root}"])
    from woundseg import evaluate

    with pytest.raises(ConfigurationError, match="clinics: is no data set known here"):
        evaluate.run(evaluation)


# --- in which order ---------------------------------------------------------------------------


def drawn(sampler, epoch=0):
    sampler.set_epoch(epoch)
    return [draw.index for draw in sampler]


def test_each_set_has_its_share_of_an_epoch():
    sampler = SetSampler([6, 3, 1], [3.0, 1.0, 0.0], seed=1)
    assert len(sampler) == 9  # the third set has no weight
    for epoch in range(3):
        indices = drawn(sampler, epoch)
        assert len(indices) == 9
        assert sum(index < 6 for index in indices) == 7  # 6.75, and 2.25 of the other
        assert all(index < 9 for index in indices)


def test_one_set_is_gone_through_once_an_epoch():
    sampler = SetSampler([7], [1.0], seed=1)
    one, other = drawn(sampler, 0), drawn(sampler, 1)
    assert sorted(one) == sorted(other) == list(range(7))
    assert one != other


def test_a_small_set_comes_round_again_before_any_photograph_comes_a_third_time():
    counts = Counter(drawn(SetSampler([2, 8], [1.0, 1.0], seed=3)))
    assert sum(counts[index] for index in (0, 1)) == 5
    assert {counts[0], counts[1]} == {2, 3}


def test_a_set_without_photographs_has_no_share():
    assert sorted(drawn(SetSampler([0, 4], [5.0, 1.0], seed=1))) == [0, 1, 2, 3]


def test_draws_depend_on_seed_and_epoch_alone():
    one, two, other = (SetSampler([9, 9], [1, 2], seed) for seed in (1, 1, 2))
    list(one)
    assert list(one) == (two.set_epoch(1) or list(two))
    assert drawn(one, 1) != drawn(other, 1)
    assert len({draw.seed for epoch in range(3) for draw in (one.set_epoch(epoch) or one)}) == 54


# --- what is shown ----------------------------------------------------------------------------


def crops(root, *words):
    loader = data.training_loader(data.parts_of((asked := options(root, *words)).data), asked)
    return loader.dataset, list(loader.sampler)


ALL = ("augment=clinics", "augment.crop_px=32", "augment.close_up=0.5", "augment.pasted_bare=0.5")


def test_the_same_draw_gives_the_same_bytes(root):
    (one, draws), (two, _) = crops(root, *ALL), crops(root, *ALL)
    for draw in draws:
        first = one[draw]
    for draw in reversed(draws):  # in another order, as another process would make them
        second = two[draw]
        again = one[draw]
        assert all(torch.equal(a, b) for a, b in zip(second, again, strict=True))
    assert first[0].shape == (3, 32, 32)
    other = Draw(draws[0].index, (*draws[0].seed[:2], 99))
    assert not torch.equal(one[draws[0]][0], one[other][0])


def test_feet_show_no_ulcer_unless_one_is_pasted(root):
    photographs, _ = crops(root, "augment=clinics", "augment.crop_px=32", "augment.pasted_bare=0")
    bare = [i for i in range(len(photographs)) if i >= 4]
    assert len(bare) == 5
    for index in bare:
        for number in range(4):
            assert not photographs[Draw(index, (1, 0, number))][1].any()


def test_held_out_photographs_are_shown_whole_and_as_they_are(root):
    asked = options(root, "data.hold_out=[0]", "augment=clinics", "augment.crop_px=32")
    loader = data.validation_loader(data.parts_of(asked.data), asked)
    sizes = {tuple(photo.shape[2:]) for photo, _ in loader}
    assert sizes == {(64, 64)}  # feet are 48 x 64, padded to the stride
    assert sum(int(label.sum()) for _, label in loader) == 2 * 35
    first, again = (next(iter(loader))[0] for _ in range(2))
    assert torch.equal(first, again)
    assert np.all(first.numpy()[0, :, 0, 0] == toy.SKIN)
