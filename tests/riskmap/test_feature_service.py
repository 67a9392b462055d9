"""Asking a layer over real HTTP: which troubles are waited out, which are told at once, and what is never said."""

import logging

import numpy as np
import pytest

from riskmap.errors import InvalidServiceAddress, ServiceUnreachable, UnfitService
from riskmap.pipeline.feature_service import FeatureService, Patience, layer_address
from tests.stand_in_service import StandIn, records

EVERYTHING = "city_code='1975'"


@pytest.fixture
def stand_in():
    with StandIn(records(20)) as service:
        yield service


def asking(stand_in, *, seed=0, **patience):
    """A client of the stand-in, and the list of its waits in seconds; it does not really wait."""
    slept = []
    service = FeatureService(
        address=layer_address(stand_in.url),
        patience=Patience(**patience),
        rng=np.random.default_rng(seed),
        sleep=slept.append,
    )
    return service, slept


def first_page(service, rows=50):
    return service.page(EVERYTHING, fields=("objectid", "stat"), order_by="objectid", offset=0, rows=rows)


# ---- The address ----


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://host.example/a/FeatureServer/1", "http://host.example/a/FeatureServer/1"),
        ("https://host.example:8399/a/MapServer/5/", "https://host.example:8399/a/MapServer/5"),
        (" http://host.example/a/FeatureServer/1/query ", "http://host.example/a/FeatureServer/1"),
        ("http://[::1]:80/a/FeatureServer/1", "http://[::1]:80/a/FeatureServer/1"),
    ],
)
def test_an_address_of_a_layer_is_taken(given, expected):
    assert layer_address(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        *("", "host.example/1", "ftp://host.example/1", "file:///etc/1", "http:///1", "http://host.example/a"),
        *(
            "http://host.example:port/1",
            "http://[::1/1",
            "http://host.example/\u202e/1",
            "http://host.example/FeatureServer",
        ),
    ],
)
def test_what_is_no_address_of_a_layer_is_refused_with_what_was_expected(given):
    with pytest.raises(InvalidServiceAddress, match="http or https"):
        layer_address(given)


@pytest.mark.parametrize(
    "given",
    [
        "http://operator:s3cret-word@host.example/a/FeatureServer/1",
        "http://host.example/a/FeatureServer/1?token=s3cret-word",
        "http://host.example/a/FeatureServer/1#s3cret-word",
    ],
)
def test_an_address_that_holds_a_password_is_refused_without_repeating_it(given):
    with pytest.raises(InvalidServiceAddress) as refused:
        layer_address(given)

    assert "s3cret" not in str(refused.value)
    assert "operator" not in str(refused.value)


# ---- What a layer says of itself ----


def test_a_layer_tells_its_fields_its_largest_page_and_whether_it_can_be_paged(stand_in):
    stand_in.names = [name.upper() for name in stand_in.names]
    service, _ = asking(stand_in)

    layer = service.describe()

    assert (layer.page_size, layer.has_offset, layer.object_id) == (50, True, "objectid")
    assert layer.fields["dat_sover"] == "DAT_SOVER"


def test_what_is_no_layer_of_points_is_told(stand_in, monkeypatch):
    monkeypatch.setattr(stand_in, "description", lambda: {"serviceDescription": "", "layers": []})
    service, _ = asking(stand_in)

    with pytest.raises(UnfitService, match="no layer of points"):
        service.describe()


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("html", {}, "HTML or XML"),
        ("array", {}, "no object"),
        ("error inside", {"code": 400, "message": "Invalid URL"}, r"400: Invalid URL"),
        ("error inside", {"code": 404, "message": "Layer not found"}, r"404: Layer not found"),
    ],
    ids=str,
)
def test_an_address_that_answers_something_else_is_no_outage(stand_in, kind, given, said):
    stand_in.misbehave(kind, page=0, times=99, **given)
    service, slept = asking(stand_in)

    with pytest.raises(UnfitService, match=rf"no layer of points: .*{said}.*Check the address"):
        service.describe()

    assert (stand_in.calls, slept) == (1, [])


@pytest.mark.parametrize(
    ("kind", "given"), [("truncated", {}), ("error inside", {}), ("status", {"status": 503})], ids=str
)
def test_a_layer_that_breaks_off_while_it_is_asked_what_it_is_may_come_back(stand_in, kind, given):
    stand_in.misbehave(kind, page=0, **given)
    service, _ = asking(stand_in)

    assert service.describe().object_id == "objectid"


def test_a_service_that_does_not_count_is_not_pressed(stand_in):
    stand_in.counts = False
    service, slept = asking(stand_in, pause_s=1)

    assert service.count(EVERYTHING) is None
    assert len(slept) == 2  # one wait, one rest: a second try and no third


# ---- Troubles that are waited out ----

PASSING = [
    ("error inside", {}),
    ("status", {"status": 500}),
    ("status", {"status": 503}),
    ("status", {"status": 429}),
    ("html", {}),
    ("truncated", {"is_told": True}),
    ("truncated", {}),
    ("array", {}),
]


@pytest.mark.parametrize(("kind", "given"), PASSING, ids=str)
def test_a_trouble_that_may_pass_is_waited_out(stand_in, kind, given):
    stand_in.misbehave(kind, times=3, **given)
    service, slept = asking(stand_in, pause_s=0, first_wait_s=2)

    page = first_page(service)

    assert len(page.features) == 20
    waits = [wait for wait in slept if wait]
    assert [low <= wait < high for wait, low, high in zip(waits, (1, 2, 4), (3, 6, 12), strict=True)] == [True] * 3


def test_an_answer_that_drips_in_is_given_up_after_the_time_for_one_call(stand_in):
    stand_in.misbehave("slow")
    service, _ = asking(stand_in, timeout_s=0.2)

    page = first_page(service)

    assert len(page.features) == 20
    assert len(stand_in.asked) == 2


def test_a_service_that_says_nothing_is_given_up_after_the_time_for_one_call(stand_in):
    stand_in.misbehave("hang")
    service, _ = asking(stand_in, timeout_s=0.2)

    assert len(first_page(service).features) == 20


def test_a_service_that_asks_for_a_rest_gets_exactly_that(stand_in):
    stand_in.misbehave("status", status=429, retry_after=7)
    service, slept = asking(stand_in, pause_s=0)

    first_page(service)

    assert [wait for wait in slept if wait] == [7.0]


def test_a_rest_until_a_given_moment_is_understood(stand_in):
    stand_in.misbehave("status", status=503, retry_after="Wed, 21 Oct 2015 07:28:00 GMT")
    service, slept = asking(stand_in, pause_s=0)

    first_page(service)

    assert slept == [0.0, 0]


def test_a_rest_longer_than_agreed_ends_the_fetch_for_now(stand_in):
    stand_in.misbehave("status", status=429, retry_after=86_400)
    service, slept = asking(stand_in)

    with pytest.raises(ServiceUnreachable, match=r"429.*goes on where it stopped"):
        first_page(service)

    assert slept == []


def test_a_trouble_that_does_not_pass_is_told_after_the_agreed_number_of_calls(stand_in):
    stand_in.misbehave("error inside", times=99, message="Failed to execute query.")
    service, _ = asking(stand_in, attempts=4)

    with pytest.raises(ServiceUnreachable, match=r"error inside HTTP 200 \(500: Failed to execute query\.\).*calls.*4"):
        first_page(service)

    assert len(stand_in.asked) == 4


def test_a_host_where_nobody_listens_is_told_without_the_parameters_of_the_call():
    with StandIn([]) as gone:
        url = gone.url
    service = FeatureService(address=url, patience=Patience(attempts=2), sleep=lambda _: None)

    with pytest.raises(ServiceUnreachable, match="network failed") as refused:
        first_page(service)

    assert "city_code" not in str(refused.value)


def test_waits_are_the_same_with_the_same_seed_and_others_with_another(stand_in):
    waits = []
    for seed in (1, 1, 2):
        stand_in.misbehave("html", times=2)
        service, slept = asking(stand_in, seed=seed)
        first_page(service)
        waits.append(slept)

    assert waits[0] == waits[1]
    assert waits[0] != waits[2]


def test_it_rests_between_calls_and_not_before_the_first(stand_in):
    service, slept = asking(stand_in, pause_s=1.5)

    service.describe()
    first_page(service)
    first_page(service)

    assert slept == [1.5, 1.5]


# ---- Troubles that are told at once ----


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("status", {"status": 404}, "HTTP 404"),
        ("error inside", {"code": 499, "message": "Token required"}, "without a key"),
        ("huge", {"size": 300_000}, "more than 200,000 bytes"),
        ("other system", {}, "coordinate system"),
        ("redirect", {"to": "http://localhost:{port}{path}"}, "another host"),
        ("redirect", {"to": "https://127.0.0.1:{port}{path}"}, "another host"),
        ("redirect", {"to": "http://127.0.0.1:1{path}"}, "another host"),
        ("redirect", {"to": ""}, "another host"),
    ],
    ids=str,
)
def test_a_trouble_that_waiting_does_not_mend_is_told_at_once(stand_in, kind, given, message):
    stand_in.misbehave(kind, times=99, **given)
    service, slept = asking(stand_in, most_bytes=200_000)

    with pytest.raises(UnfitService, match=message):
        first_page(service)

    assert len(stand_in.asked) == 1
    assert slept == []


def test_a_redirect_within_the_host_is_followed(stand_in):
    stand_in.misbehave("redirect", to="http://127.0.0.1:{port}{path}")
    service, _ = asking(stand_in)

    assert len(first_page(service).features) == 20


def test_a_redirect_in_a_circle_is_told(stand_in):
    stand_in.misbehave("redirect", to="{path}", times=99)
    service, _ = asking(stand_in)

    with pytest.raises(UnfitService, match="in a circle"):
        first_page(service)


def test_logs_tell_of_troubles_and_repeat_no_answer(stand_in, caplog):
    stand_in.misbehave("html", times=2)
    service, _ = asking(stand_in)

    with caplog.at_level(logging.INFO, logger="riskmap"):
        first_page(service)

    assert "HTML or XML" in caplog.text
    assert "Login" not in caplog.text
