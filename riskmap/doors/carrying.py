"""Nothing a person wrote is lost: the fields of a form that could not be taken now, kept to be read and sent again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from riskmap.council import assisted
from riskmap.council.request import NEEDS, RequestKind
from riskmap.doors import form_body
from riskmap.doors.visit import Visit
from riskmap.wording import Wording

WRITTEN = tuple(
    dict.fromkeys(
        (
            "channel",
            "heard_day",
            "kind",
            "landmark",
            "grounds",
            *(needed.name for fields in NEEDS.values() for needed in fields),
        )
    )
)
"""Fields that a person fills in, in the order in which they are shown."""
ALONG = ("cell", "key", "version", "for_whom", "other_request")
"""Fields that have to travel with them."""
CHOICES = {needed.name: needed.choices for fields in NEEDS.values() for needed in fields if needed.choices}
CHOICES[assisted.CHANNEL.name] = assisted.CHANNELS
PREFIX = "keep."
TARGET = re.compile(r"/casework/[a-z0-9_-]{1,40}/(?:new|[1-9][0-9]{0,8}/([a-z_]{1,20}))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A form on its way: where it goes and what it holds. ``fields`` are as typed; escape them where shown."""

    target: str
    fields: Mapping[str, str]

    def written(self, words: Wording) -> list[tuple[str, str]]:
        """Label and text of everything the person wrote."""
        return [
            (words.text(f"council.field.{name}"), _as_read(name, self.fields[name], words))
            for name in WRITTEN
            if self.fields.get(name, "").strip()
        ]

    def hidden(self, *, prefix: str = "") -> list[tuple[str, str]]:
        """Name and value of each field, for hidden inputs."""
        return [(prefix + name, text) for name, text in self.fields.items()]

    @property
    def button_key(self) -> str:
        """Text key of the button that sends it."""
        found = TARGET.fullmatch(self.target)
        action = found[1] if found else None
        if action == "support":
            return "casework.support.button"
        return f"council.action.{action if action in set(NEEDS) else 'submit'}"


def of_visit(visit: Visit) -> Carried | None:
    """What a visit was sending; None where it was not sending a form of the council's."""
    if not visit.is_sending or not TARGET.fullmatch(visit.path):
        return None
    return Carried(target=visit.path, fields=form_body.chosen(visit.form, *WRITTEN, *ALONG))


def through_sign_in(visit: Visit) -> Carried | None:
    """What travels along through the sign-in form; None where nothing does, or it would go elsewhere."""
    target = visit.form.get("target", "")
    if not TARGET.fullmatch(target):
        return None
    given = {name.removeprefix(PREFIX): text for name, text in visit.form.items() if name.startswith(PREFIX)}
    return Carried(target=target, fields=form_body.chosen(given, *WRITTEN, *ALONG))


def _as_read(name: str, text: str, words: Wording) -> str:
    if text in CHOICES.get(name, ()):
        return words.text(f"council.choice.{text}")
    return words.text(f"council.kind.{text}") if name == "kind" and text in set(RequestKind) else text
