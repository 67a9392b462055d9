"""What may be said about a hexagon or an area, in words."""

import pytest

from riskmap import release, wording
from riskmap.public import explain
from riskmap.release import Area
from tests.release_builder import a_release

PERCENTS = {"sure": 95, "likely": 80, "margin": 10}


@pytest.fixture
def opened(tmp_path):
    return lambda **changes: _written(tmp_path, **changes)


def _written(root, **changes):
    release.write(root, *a_release(**changes))
    return release.read(root, "toy")


def an_area(**values):
    names = {"kk": "Орталық ауданы", "ru": "Центральный район", "en": "Central district"}
    return Area(**({"area_id": "d1", "kind": "district", "names": names} | values))


def in_area(toy, words, **values):
    return explain.area_answer(toy, an_area(**values), words).sentences


@pytest.mark.parametrize("language", wording.LANGUAGES)
@pytest.mark.parametrize(
    ("code", "sure"), [(1, "clear"), (2, "maybe"), (3, "none"), (4, "maybe"), (5, "clear")], ids=str
)
def test_a_class_says_what_it_means_how_sure_it_is_and_which_period(opened, language, code, sure):
    toy, words = opened(classes={"all": [code] * 3}), wording.in_language(language)

    answer = explain.cell_answer(toy, toy.cell_at(0), "all", words)

    assert answer.heading == words.text(f"class.{code}")
    assert answer.sentences == (
        words.text(f"class.{code}.long"),
        words.text(f"panel.sure.{sure}", **PERCENTS),
        words.text("panel.period", period="01.10.2025–30.09.2026"),
    )


@pytest.mark.parametrize(("code", "key"), [(6, "grey.too_little"), (7, "grey.protected")])
def test_a_grey_hexagon_names_the_area_that_can_answer(opened, code, key):
    toy, words = opened(classes={"all": [code] * 3}), wording.in_language("ru")

    answer = explain.cell_answer(toy, toy.cell_at(0), "all", words)

    assert answer.sentences[0] == words.text(f"{key}.long", parent=toy.cell_at(0).area.names["ru"])
    assert words.text("panel.sure.none", **PERCENTS) not in answer.sentences


def test_a_place_that_is_not_covered_says_only_that(opened):
    words = wording.in_language("kk")

    answer = explain.cell_answer(opened(), None, "all", words)

    assert answer.sentences == (words.text("grey.not_covered.long"),)


def test_each_group_answers_with_its_own_class_and_period(opened):
    manifest, _ = a_release()
    served = {**manifest["served"], "theft": {"level": "long_run", "from": "2023-01-01", "to": "2026-10-01"}}
    toy, words = opened(served=served), wording.in_language("en")

    everything, theft = (explain.cell_answer(toy, toy.cell_at(1), group, words) for group in ("all", "theft"))

    assert (everything.class_code, theft.class_code) == (3, 2)
    assert "01.10.2025–30.09.2026" in everything.sentences[-1]
    assert "01.01.2023–30.09.2026" in theft.sentences[-1]


def test_counts_that_are_no_rates_are_called_that_in_the_answer_and_the_legend(opened):
    toy, words = opened(has_rates=False), wording.in_language("kk")

    assert words.text("legend.counts_only") in explain.legend_notes(toy, "all", words)
    assert words.text("legend.counts_only") in explain.cell_answer(toy, toy.cell_at(0), "all", words).sentences


def test_an_area_without_a_total_tells_no_number(opened):
    sentences = in_area(opened(), wording.in_language("ru"), residents=40_000)

    assert sentences == (wording.in_language("ru").text("panel.area.hidden"),)
    assert not any(sign.isdigit() for sign in "".join(sentences))


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_an_area_with_residents_tells_total_and_likely_range(opened, language):
    words = wording.in_language(language)

    (first, *_) = in_area(opened(), words, residents=50_000, total=1234, rate_low=92.8, rate_high=107.6)

    expected = [words.number(1234), f"{words.number(93)}–{words.number(108)}", "01.10.2025", "30.09.2026"]
    assert [part for part in expected if part not in first] == []


def test_an_area_without_residents_tells_its_total_only(opened):
    words = wording.in_language("en")

    sentences = in_area(opened(), words, total=77)

    assert len(sentences) == 1
    assert "77" in sentences[0]
    assert "10,000" not in sentences[0]


@pytest.mark.parametrize("change", ["down", "up", "none", "too_little"])
@pytest.mark.parametrize("comparison", ["clear_higher", "clear_lower", "maybe_higher", "maybe_lower", "none"])
def test_change_and_comparison_are_told_in_words(opened, change, comparison):
    words = wording.in_language("kk")

    sentences = in_area(opened(), words, total=77, change=change, comparison=comparison)

    assert sentences[1:] == (words.text(f"cmp_whole.{comparison}"), words.text(f"chg.{change}"))


def test_kinds_stand_from_the_most_frequent_down_and_every_number_has_its_caveats(opened):
    words = wording.in_language("en")
    area = an_area(total=30, by_group={"assault": 5, "theft": 20, "burglary": 5})

    answer = explain.area_answer(opened(), area, words)

    assert [count for _, count in answer.kinds] == ["20", "5", "5"]
    assert answer.kinds[0][0] == words.text("group.theft")
    assert answer.caveats == (words.text("not_in.number"), words.text("not_in.low"))


@pytest.mark.parametrize(
    ("level", "key"), [("smoothed", None), ("long_run", "legend.long_run"), ("untested", "legend.no_test")]
)
def test_the_legend_says_what_the_classes_of_its_group_rest_on(opened, level, key):
    manifest, _ = a_release()
    served = {**manifest["served"], "theft": {**manifest["served"]["theft"], "level": level}}
    toy, words = opened(served=served), wording.in_language("ru")

    notes, others = (explain.legend_notes(toy, group, words) for group in ("theft", "all"))

    told = {name for name in ("legend.long_run", "legend.no_test") if words.text(name) in notes}
    assert told == ({key} if key else set())
    assert words.text("legend.long_run") not in others
    assert words.text("legend.note") in notes


def test_the_legend_speaks_of_larger_hexagons_only_where_there_are_some(opened):
    words = wording.in_language("en")

    assert words.text("legend.coarse") in explain.legend_notes(opened(public_resolutions=[8, 9]), "all", words)
    assert words.text("legend.coarse") not in explain.legend_notes(opened(public_resolutions=[9]), "all", words)


def test_the_list_goes_area_by_area_and_outward_and_keeps_to_the_class_asked_for(opened):
    toy, words = opened(), wording.in_language("ru")

    every = explain.list_rows(toy, "all", set(range(1, 8)), words)
    protected = explain.list_rows(toy, "all", {7}, words)

    assert sorted(every.tolist()) == [0, 1, 2]
    assert toy.cell_area[every].tolist() == sorted(toy.cell_area.tolist())
    assert [int(toy.classes["all"][i]) for i in protected] == [7]


def test_a_line_of_the_list_says_class_area_and_where_it_lies(opened):
    toy, words = opened(), wording.in_language("ru")
    position = int(explain.list_rows(toy, "all", {7}, words)[0])

    row = explain.list_row(toy, position, "all", words)

    assert row.class_name == words.text("grey.protected")
    assert row.area == toy.cell_at(position).area.names["ru"]
    assert row.cell_id == toy.cell_at(position).cell_id
    assert words.text("list.centre") == row.place or "км" in row.place


def test_a_region_without_an_official_total_says_so_without_a_number(installation):
    country, words = installation.release("kazakhstan"), wording.in_language("ru")

    (sentence,) = explain.area_answer(country, an_area(kind="region"), words).sentences

    assert sentence == words.text("country.no_total", region="Центральный район")
