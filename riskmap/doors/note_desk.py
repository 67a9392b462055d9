"""The council's screen of the analytic note: choose place, period, language and file, and take it along."""

from http import HTTPStatus

from starlette.responses import Response

from riskmap import wording
from riskmap.council.request import FieldKind
from riskmap.doors.form_fields import FormField
from riskmap.doors.visit import Visit
from riskmap.errors import InvalidNote, NothingToTell
from riskmap.note import desk, span
from riskmap.public import area_words, meeting_minutes

LANGUAGE = "note_language"
"""Language of the note; the page may stand in another."""
MEDIA_TYPES = {form: media_type for form, (media_type, _) in meeting_minutes.FORMS.items()}


def show(visit: Visit) -> Response:
    """The form."""
    return _page(visit)


def send(visit: Visit) -> Response:
    """The note as a file, or the form with what hinders it."""
    territory, form = visit.release.territory, visit.form
    kind, language = form.get("form", ""), form.get(LANGUAGE, "")
    try:
        made = desk.write(
            visit.office,
            visit.doors.settings.releases,
            visit.actor,
            territory,
            wording.in_language(wording.language_or_default(language)),
            place_id=form.get("place", ""),
            period=form.get("period", ""),
            form=kind,
            at=visit.at,
        )
    except InvalidNote:
        return _page(visit, problem=visit.text("note.desk.invalid"))
    except NothingToTell:
        return _page(visit, problem=visit.text("note.desk.nothing"))
    period = span.parse(form["period"], today=visit.at.date())
    half = f"-H{period.half}" if period.half else ""
    name = f"note-{form['place']}-{period.year}{half}-{wording.language_or_default(language)}.{kind}"
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Response(made, media_type=MEDIA_TYPES[kind], headers=headers)


def _page(visit: Visit, *, problem: str = "") -> Response:
    release, words, form = visit.release, visit.words, visit.form
    book, places, periods = desk.choices(visit.doors.settings.releases, visit.actor, release.territory)
    told = {
        "place": [(one.place_id, area_words.name(book, one, words)) for one in places],
        "period": [(one, span.parse(one, today=visit.at.date()).in_words(words)) for one in periods],
        LANGUAGE: [(one, words.text(f"note.desk.language.{one}")) for one in wording.LANGUAGES],
        "form": [(one, one.upper()) for one in desk.FORMS],
    }
    fields = [
        FormField(
            name=name,
            element_id=f"note-{name}",
            kind=FieldKind.CHOICE,
            label=words.text(f"note.desk.{name}"),
            value=form.get(name, words.language if name == LANGUAGE else values[0][0] if values else ""),
            choices=tuple(values),
        )
        for name, values in told.items()
    ]
    return visit.show(
        "note_desk.html",
        title=words.text("note.title"),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        release=release,
        path=f"/casework/{release.territory}/note",
        fields=fields if periods else [],
        problem=problem,
    )
