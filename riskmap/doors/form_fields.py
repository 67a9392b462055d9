"""Fields of a form as a template shows them: label, help, what was typed, what is wrong with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from riskmap.council.request import FEWEST_SIGNS_OF_GROUNDS, MOST_SIGNS, NEEDS, Action, FieldKind
from riskmap.errors import FieldFault
from riskmap.wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field. ``element_id`` is unique on its page; ``most`` is the number of signs that fit, None without limit.

    ``choices`` are value and text; a field with choices is a list of radios.
    """

    name: str
    element_id: str
    kind: FieldKind
    label: str
    value: str = ""
    help: str = ""
    fault: str = ""
    most: int | None = None
    choices: tuple[tuple[str, str], ...] = ()
    accept: str = ""
    """Media types of the files that a field of a file takes; empty where it is none."""
    is_many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What came in with a form, and its faults; empty at first sight."""

    values: Mapping[str, str]
    faults: tuple[FieldFault, ...] = ()

    def fault(self, name: str, words: Wording) -> str:
        """What is wrong with a field, in sentences; empty where nothing is."""
        return " ".join(
            words.text(f"council.fault.{fault.fault}", limit=fault.limit or 0, found=fault.found or 0)
            for fault in self.faults
            if fault.field == name
        )


NOTHING_TYPED = Typed(values={})


def field(
    name: str,
    words: Wording,
    typed: Typed,
    *,
    form_id: str,
    kind: FieldKind = FieldKind.TEXT,
    default: str = "",
    help_text: str = "",
    choices: Iterable[tuple[str, str]] = (),
    most: int | None = None,
) -> FormField:
    """A field with its label from ``council.field.*``, filled with what was typed or else with ``default``."""
    return FormField(
        name=name,
        element_id=f"{form_id}-{name}",
        kind=kind,
        label=words.text(f"council.field.{name}"),
        value=typed.values.get(name, default),
        help=help_text,
        fault=typed.fault(name, words),
        most=most or MOST_SIGNS.get(kind),
        choices=tuple(choices),
    )


def fields_of_step(
    action: Action, words: Wording, typed: Typed, *, defaults: Mapping[str, str], helps: Mapping[str, str]
) -> list[FormField]:
    """The fields a step needs, public ones with a word that everyone will read them."""
    made = []
    for needed in NEEDS[action]:
        is_written = needed.kind in MOST_SIGNS
        everyone = "casework.help.public" if needed.is_public else "casework.help.inner"
        told = helps.get(needed.name) or (words.text(everyone) if is_written else "")
        made.append(
            field(
                needed.name,
                words,
                typed,
                form_id=action.value,
                kind=needed.kind,
                default=defaults.get(needed.name, ""),
                help_text=told,
                choices=[(value, words.text(f"council.choice.{value}")) for value in needed.choices],
            )
        )
    return made


def summary(fields: Iterable[FormField]) -> list[FormField]:
    """Fields with a fault, for the list above the form."""
    return [one for one in fields if one.fault]


def grounds_help(words: Wording) -> str:
    return words.text("casework.help.grounds", fewest=FEWEST_SIGNS_OF_GROUNDS, most=MOST_SIGNS[FieldKind.TEXT])
