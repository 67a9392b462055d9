"""The table of what is kept: each kind with a term of the settings, texts and a step of retention."""

from datetime import UTC, datetime

import pytest

from riskmap import kept_kinds
from riskmap.assembly import in_memory_store
from riskmap.kept_kinds import FIELDS, Kind
from riskmap.pipeline import retention
from riskmap.settings import KeptFor, Settings
from riskmap.wording import LANGUAGES, in_language

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


def test_every_term_of_the_settings_is_of_one_kind():
    fields = [field for field in FIELDS.values() if field is not None]

    assert sorted(fields) == sorted(KeptFor.__dataclass_fields__)
    assert list(FIELDS) == list(Kind)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_name_and_a_reason_in_words(kind, language):
    words = in_language(language)

    assert words.text(f"cli.retention.kind.{kind}") != words.text(f"retention.basis.{kind}")


def test_retention_goes_through_every_kind_of_the_table_by_its_term(tmp_path):
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path), "RISKMAP_KEEP_INCIDENTS_YEARS": "3"})
    store = in_memory_store(tmp_path)

    before = {due.kind: due.before for due in retention.look(store, settings, now=NOW)}

    store.close()
    told = {one.kind: (one.days, one.years) for one in kept_kinds.table(settings.kept_for)}
    assert set(before) == set(told) == set(Kind)
    for kind, (days, years) in told.items():
        if days is not None:
            assert (NOW - before[kind]).days == days
        else:
            assert before[kind] == (NOW.replace(year=NOW.year - years) if years else None)


def test_only_what_an_installation_cannot_choose_and_incidents_have_no_term():
    kept = {one.kind for one in kept_kinds.table(KeptFor()) if one.days is None and one.years is None}

    assert kept == {Kind.INCIDENTS, Kind.MEETINGS, Kind.ACCOUNTS}
