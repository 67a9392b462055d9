"""The calendar of a place as iCalendar (RFC 5545): days of releases, meetings, decisions, works planned, answers due.

No counts stand here: people's calendars keep what they were told, also of a release that was withdrawn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from icalendar import Calendar, Event

from riskmap.public import area_news, council, page, place_reviews
from riskmap.public.area_news import AREA_ADDRESS, CIVIL_TIME, Told, clean, midnight
from riskmap.public.following import part_of
from riskmap.wording import Wording

MEDIA_TYPE = "text/calendar; charset=utf-8"
PRODUCT = "-//riskmap//calendar of a place//"
ASK_AGAIN = timedelta(days=1)
MOST_PLANS = 200
NOT_COMING = frozenset({"refused", "not_done", "not_ours", "merged", "withdrawn"})
"""States in which nobody will do any more what was planned."""
STAGES = ("called", "open", "closed")
"""Where a meeting goes, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """An event of one civil day. ``revision`` grows, and ``changed_at`` moves, whenever what is told of it changes."""

    name: str
    on: date
    title: str
    sentences: tuple[str, ...]
    path: str
    changed_at: datetime
    revision: int = 0
    is_cancelled: bool = False
    is_simulated: bool = False


def document(told: Told, *, site: str, own: str) -> bytes:
    """The calendar in UTF-8; ``site`` and ``own`` as in `riskmap.public.atom.document`."""
    words = told.words
    calendar = Calendar()
    calendar.add("prodid", f"{PRODUCT}{words.language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    title = told.marked(words.text("calendar.title", area=told.name))
    calendar.add("name", title)
    calendar.add("x-wr-calname", title)
    calendar.add("uid", str(told.identifier("calendar")))
    calendar.add("last-modified", told.updated_at)
    calendar.add("refresh-interval", ASK_AGAIN, parameters={"VALUE": "DURATION"})
    if site:
        calendar.add("source", f"{site}{own}", parameters={"VALUE": "URI"})
    for day in days(told):
        calendar.add_component(_event(told, day, site=site))
    return bytes(calendar.to_ical())


def days(told: Told) -> list[Day]:
    """Everything of a place that has a day, by day."""
    found = [*_happened(told), *_meetings(told), *_plans(told), *_answers(told), *_quarter(told)]
    return sorted(found, key=lambda one: (one.on, one.name))


def _happened(told: Told) -> Iterator[Day]:
    for one in told.news:
        if one.is_dated:
            yield Day(
                name=one.name,
                on=one.updated_at.astimezone(CIVIL_TIME).date(),
                title=one.title,
                sentences=one.sentences,
                path=one.path,
                changed_at=one.updated_at,
                revision=one.revision,
                is_simulated=one.is_simulated,
            )


def _meetings(told: Told) -> Iterator[Day]:
    """Days of meetings; a renewed notice moves the day under the same name."""
    words = told.words
    for meeting in told.meetings:
        yield Day(
            name=f"meeting/{meeting.number}",
            on=meeting.day,
            title=f"{area_news.meeting_title(meeting, words)}, {meeting.time}",
            sentences=(area_news.meeting_when(meeting, words), words.text(f"council.meeting.stage.{meeting.stage}")),
            path=f"/council/{told.release.territory}/meetings/{meeting.number}",
            changed_at=midnight(meeting.changed_on),
            revision=meeting.notices + len(meeting.decisions) + STAGES.index(meeting.stage),
            is_simulated=meeting.is_simulated,
        )


def _plans(told: Told) -> Iterator[Day]:
    """Days on which a body means to have something done; its newest word holds."""
    words = told.words
    for request in told.requests[:MOST_PLANS]:
        planned = [day for step in request.steps if (day := _day(step.fields.get("planned_day", "")))]
        if planned:
            state = words.text(f"council.state.{request.state}")
            yield Day(
                name=f"request/{request.number}/planned",
                on=planned[-1],
                title=f"{council.title(request, words)}. {words.text('council.field.planned_day')}",
                sentences=(*([request.wording] if request.wording else []), state),
                path=f"/council/{told.release.territory}/{request.number}",
                changed_at=midnight(request.changed_on),
                revision=len(request.steps),
                is_cancelled=request.state in NOT_COMING,
                is_simulated=request.is_simulated,
            )


def _answers(told: Told) -> Iterator[Day]:
    words = told.words
    for review in told.reviews:
        told_on = review.answered_on or review.asked_on
        said = place_reviews.in_words(told.release, review, words, today=told_on)
        yield Day(
            name=f"review/{review.number}/due",
            on=review.due_on,
            title=words.text("calendar.review", place=said.place),
            sentences=(said.sentence,),
            path=f"/data/{told.release.territory}",
            changed_at=midnight(told_on),
            revision=0 if review.is_open else 1,
        )


def _quarter(told: Told) -> Iterator[Day]:
    """The first day after the quarter whose counts come next; none for official totals, whose day others choose."""
    period = told.release.period
    if period is None or told.release.manifest["official"]:
        return
    first = day_after_quarter(period[1])
    last = first - timedelta(days=1)
    yield Day(
        name=f"quarter/{last.year}-Q{(last.month + 2) // 3}",
        on=first,
        title=told.words.text("calendar.quarter"),
        sentences=(told.words.text("calendar.quarter.rule", date=last),),
        path=f"{AREA_ADDRESS}/{part_of(told.book, told.place)}",
        changed_at=midnight(told.release.as_of),
    )


def day_after_quarter(day: date) -> date:
    """The first day after the calendar quarter that holds a day.

    Examples
    --------
    >>> day_after_quarter(date(2026, 10, 1)), day_after_quarter(date(2026, 9, 30))
    (datetime.date(2027, 1, 1), datetime.date(2026, 10, 1))
    """
    quarter = (day.month - 1) // 3 + 1
    return date(day.year + quarter // 4, 3 * quarter % 12 + 1, 1)


def _event(told: Told, day: Day, *, site: str) -> Event:
    words: Wording = told.words
    event = Event()
    event.add("uid", str(told.identifier("event", day.name)))
    # The same stamp at every request: a file that tells the same has to be the same.
    event.add("dtstamp", day.changed_at)
    event.add("last-modified", day.changed_at)
    event.add("sequence", day.revision)
    event.add("dtstart", day.on)
    event.add("dtend", day.on + timedelta(days=1))
    event.add("summary", told.marked(day.title, is_simulated=day.is_simulated), parameters={"LANGUAGE": words.language})
    href = f"{site}{page.address(day.path, lang=words.language)}"
    lines = (*day.sentences, href) if site else day.sentences
    event.add("description", clean("\n".join(lines)), parameters={"LANGUAGE": words.language})
    if site:
        event.add("url", href)
    event.add("transp", "TRANSPARENT")
    event.add("class", "PUBLIC")
    event.add("status", "CANCELLED" if day.is_cancelled else "CONFIRMED")
    return event


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
