"""A release that may point at a person is taken back, and what it told too finely is told more coarsely."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from riskmap import commands, release, wording
from riskmap.errors import ExitStatus, WithdrawnRelease
from riskmap.pipeline import public_tables, withdrawal
from tests.installation import CITY
from tests.public_client import PublicClient
from tests.typed_commands import typed

pytestmark = pytest.mark.xdist_group("withdrawal")

YEAR = 2024
WITHDRAW = ["withdraw", "--territory", CITY, "--what", "kinds", "--year", str(YEAR), "--reason", "may_identify"]


@pytest.fixture
def root(installation, tmp_path, monkeypatch):
    """Releases of a copy of the installation."""
    return a_copy(installation, tmp_path, monkeypatch)


@pytest.fixture
def run(root, capsys):
    return lambda *arguments: typed(capsys, *arguments)


@pytest.fixture
def region(root):
    return first_region(root)


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """Releases of a copy of the installation after a withdrawal, and what stood there before."""

    root: Path
    region: str
    first: str
    instead: str
    told: pl.DataFrame
    status_before: int


@pytest.fixture(scope="module")
def withdrawal_done(installation, tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        root = a_copy(installation, tmp_path_factory.mktemp("withdrawal"), monkeypatch)
        first, region = release.latest_id(root, CITY), first_region(root)
        told = counts_of(root, first)
        before = PublicClient(releases=root).get(f"/data/{CITY}/{first}/counts.csv").status_code
        assert commands.main([*WITHDRAW, "--below", region]) == ExitStatus.DONE
    return Withdrawal(
        root=root,
        region=region,
        first=first,
        instead=release.latest_id(root, CITY),
        told=told,
        status_before=before,
    )


def a_copy(installation, folder, monkeypatch):
    data = folder / "data"
    shutil.copytree(installation.data, data)
    monkeypatch.setenv("RISKMAP_DATA", str(data))
    return data / "releases"


def first_region(root):
    places = public_tables.read(release.open_folder(root, CITY, release.latest_id(root, CITY))[1]).places
    return places.filter(pl.col("level") == "region")["place_id"].sort()[0]


def counts_of(root, release_id):
    return public_tables.read(release.open_folder(root, CITY, release_id)[1]).counts.sort(pl.all())


def test_a_withdrawn_release_is_replaced_by_one_that_tells_less(withdrawal_done):
    told, region = withdrawal_done.told, withdrawal_done.region

    now = counts_of(withdrawal_done.root, withdrawal_done.instead)

    assert withdrawal_done.instead != withdrawal_done.first
    key = ["kind", "place_id", "offence_group", "period", "part_of_day"]
    compared = told.join(now, on=key, how="full", nulls_equal=True, suffix="_now")
    assert compared.height == told.height == now.height
    changed = compared.filter(pl.col("low").is_not_null() & pl.col("low_now").is_null())
    assert set(changed["kind"]) == {"year_group"}
    assert set(changed["period"]) == {str(YEAR)}
    assert set(changed["place_id"].str.split(f"-{YEAR}").list.first()) == {region}
    kept = compared.filter(pl.col("low_now").is_not_null())
    assert kept["low"].equals(kept["low_now"])
    below = now.filter(pl.col("kind") == "year_group", pl.col("period") == str(YEAR))
    assert below.filter(pl.col("place_id").str.starts_with(f"{region}-"))["low"].null_count() > 0
    assert below.filter(pl.col("place_id").str.starts_with(f"{region}-"))["low"].drop_nulls().len() == 0


def test_nobody_can_fetch_a_withdrawn_release_and_everybody_learns_why(withdrawal_done):
    root, first = withdrawal_done.root, withdrawal_done.first
    client = PublicClient(releases=root)

    gone = client.get(f"/data/{CITY}/{first}/counts.csv")
    asked = client.get(f"/api/v1/territories/{CITY}/counts", release=first)
    chain = client.get(f"/api/v1/territories/{CITY}/releases").json()["releases"]
    page = client.get(f"/data/{CITY}", lang="ru").text

    assert (withdrawal_done.status_before, gone.status_code, asked.status_code) == (200, 410, 410)
    assert not (root / CITY / first).exists()
    assert [one["release_id"] for one in chain] == [withdrawal_done.instead, first]
    assert (chain[1]["withdrawn_for"], chain[0]["withdrawn_for"]) == ("may_identify", None)
    assert "Отозван" in page
    assert f"/data/{CITY}/{first}/" not in page


def test_what_changed_is_said_in_three_languages_and_names_no_place(withdrawal_done):
    manifest, _ = release.open_folder(withdrawal_done.root, CITY, withdrawal_done.instead)

    assert manifest["change"] == "withdrawn.may_identify"
    assert set(manifest["what_changed"]) == set(wording.LANGUAGES)
    assert all(said and withdrawal_done.region not in said for said in manifest["what_changed"].values())
    assert manifest["predecessor"] == withdrawal_done.first


def test_the_attack_reads_withdrawn_releases_too(withdrawal_done, monkeypatch, capsys):
    monkeypatch.setenv("RISKMAP_DATA", str(withdrawal_done.root.parent))

    told = public_tables.told_before(withdrawal_done.root, CITY, from_release=withdrawal_done.instead)
    attacked = typed(capsys, "attack", "--territory", CITY, "--all", "--json")

    assert list(told) == [withdrawal_done.instead, withdrawal_done.first]
    assert attacked.status == ExitStatus.DONE
    assert attacked.data["exact"] == attacked.data["within_one"] == 0


def test_a_later_release_does_not_tell_it_again(root, run, region):
    instead = run(*WITHDRAW, "--below", region, "--json").data["instead"]

    again = run("release", "--territory", CITY, "--json")
    repeated = run(*WITHDRAW, "--below", region, "--json")

    assert (again.data["release_id"], again.data["is_new"]) == (instead, False)
    assert repeated.data == {"withdrawn": [], "instead": instead}
    assert len(release.withdrawn(root, CITY)) == 1


def test_a_withdrawal_that_was_cut_off_leaves_nothing_to_fetch_and_can_be_finished(root, run, region, monkeypatch):
    first = release.latest_id(root, CITY)
    told = public_tables.told_before(root, CITY, from_release=first)
    rule = withdrawal.Coarser(what="kinds", below=region, year=YEAR)
    now = datetime(2026, 1, 5, tzinfo=UTC).date()

    with monkeypatch.context() as cut:
        cut.setattr(withdrawal, "_move", lambda *_: pytest.fail("cut off"))
        with pytest.raises(BaseException, match="cut off"):
            withdrawal.withdraw(root, CITY, rule, told=told, reason="may_identify", today=now)

    with pytest.raises(WithdrawnRelease):
        release.read(root, CITY, first)
    finished = run(*WITHDRAW, "--below", region, "--json")
    assert finished.status == ExitStatus.DONE
    assert not (root / CITY / first).exists()
    assert release.latest_id(root, CITY) == finished.data["instead"] != first


def test_what_no_release_tells_cannot_be_taken_back(root, run):
    first = release.latest_id(root, CITY)

    answer = run(*WITHDRAW, "--below", "nowhere")

    assert answer.status == ExitStatus.NOTHING_THERE
    assert "nowhere" in answer.err
    assert release.latest_id(root, CITY) == first
