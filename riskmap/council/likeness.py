"""How alike two requests are, by a rule that can be told in words. Pure.

Two requests may be one where they could be merged (one kind, or one of them of the kind "other"), their hexagons lie
within `WITHIN_M` of each other, centre to centre, and their texts share enough words. Texts are compared word by word:
letters that Kazakh and Russian writers exchange are one, endings count for nothing, and words about one thing (шам,
жарық, фонарь, освещение) are one word in both languages.
"""

from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from riskmap.council.request import RequestKind

WITHIN_M = 700.0
"""About two hexagons of resolution 9, centre to centre."""
LEAST_HERE, LEAST_NEAR = 30, 40
"""Likeness of the texts (percent of words they share) from which requests of one kind may be one: in the same hexagon,
and elsewhere."""
LEAST_OF_OTHER_KIND = 60
"""The same where one of the two is of the kind "other", wherever it lies."""
SAME_WORD = 80.0
"""Percent of letters in common from which two words are one."""
SHORTEST_WORD = 3
SHORTEST_BEGINNING = 5
"""Letters of a common beginning from which two words with other endings are one."""
_ONE_LETTER = str.maketrans("әғқңөұүһіёй", "агкноуухиеи")
_EMPTY = (
    "және мен бен пен үшін бар жоқ бір осы сол қажет керек етіңіз сұраймыз өтінем онда бұл алдында для при под над что "
    "как нет еще уже это наш наша наше нашем возле около рядом нужно нужна нужен нужны просим прошу надо очень где там "
    "тут или они"
)
"""Words that say nothing about the matter in either language."""
_SUBJECTS = {
    "traffic_light": ("светофор", "багдаршам"),
    "light": ("свет", "шам", "жарык", "фонар", "освещ", "освет", "ламп", "светильн", "карангы", "темн", "сонип"),
    "crossing": ("откел", "переход", "зебр"),
    "school": ("мектеп", "мектеб", "школ", "лицеи", "гимнази"),
    "nursery": ("балабакша", "садик", "детсад"),
    "camera": ("камер", "беинебакыла", "видеонабл"),
    "patrol": ("патрул",),
    "stop": ("аялдама", "остановк"),
    "playground": ("ойын", "площадк"),
    "sign": ("белги", "знак"),
    "parking": ("парков", "автотурак"),
    "park": ("саябак", "парк", "сквер"),
    "road": ("жол", "дорог"),
    "street": ("коше", "улиц"),
    "yard": ("аула", "двор"),
    "speed": ("жылдамды", "скорост", "лежач"),
    "underground": ("жерасты", "подземн"),
    "market": ("базар", "рынок", "рынк"),
    "shop": ("дукен", "магазин"),
    "drink": ("арак", "ишимдик", "пьян", "распи", "алкогол"),
    "night": ("тунде", "тунги", "ночь", "ночью", "ночам", "ночно"),
    "evening": ("кеш", "вечер"),
    "children": ("бала", "дете", "дети", "детя", "ребен"),
}
"""Beginnings of words about one thing in both languages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What two requests have in common; ``words`` in percent."""

    distance_m: int
    is_same_kind: bool
    words: int

    @property
    def is_here(self) -> bool:
        return self.distance_m == 0

    @property
    def least(self) -> int:
        """Likeness of the texts that is needed."""
        if not self.is_same_kind:
            return LEAST_OF_OTHER_KIND
        return LEAST_HERE if self.is_here else LEAST_NEAR

    @property
    def may_be_one(self) -> bool:
        return self.distance_m <= WITHIN_M and self.words >= self.least

    @property
    def order(self) -> tuple[int, int]:
        """Most alike first: the words, ten points less for each 100 m and for another kind."""
        return (self.distance_m // 10 + (0 if self.is_same_kind else 10) - self.words, self.distance_m)


def compare(
    kind: RequestKind, text: str, other_kind: RequestKind, other_text: str, *, distance_m: float
) -> Likeness | None:
    """What two requests have in common; None where their kinds keep them apart."""
    if kind is not other_kind and RequestKind.OTHER not in (kind, other_kind):
        return None
    return Likeness(
        distance_m=round(distance_m / 10) * 10, is_same_kind=kind is other_kind, words=in_common(text, other_text)
    )


def in_common(text: str, other: str) -> int:
    """Percent of the words of two texts that both have, each word once; 0 where one has none.

    Examples
    --------
    >>> in_common("Аялдама жанында шам жанбайды", "Нет освещения у остановки")
    67
    >>> in_common("Мектеп жанында шам жоқ", "Базарда патруль керек")
    0
    """
    first, second = words_of(text), words_of(other)
    if not first or not second:
        return 0
    waiting, shared = list(second), 0
    for word in first:
        same = next((candidate for candidate in waiting if _is_same(word, candidate)), None)
        if same is not None:
            waiting.remove(same)
            shared += 1
    return round(200 * shared / (len(first) + len(second)))


@lru_cache(maxsize=1024)
def words_of(text: str) -> tuple[str, ...]:
    """Words that say something, each once, in one spelling; those about one thing by its name."""
    spelt = "".join(sign if sign.isalnum() else " " for sign in text.casefold()).split()
    kept: dict[str, None] = {}
    for word in spelt:
        plain = word.translate(_ONE_LETTER)
        if (len(plain) >= SHORTEST_WORD and plain not in _PLAIN_EMPTY) or plain.isdecimal():
            kept[_subject(plain)] = None
    return tuple(kept)


def _subject(word: str) -> str:
    return next((name for name, beginnings in _SUBJECTS.items() if word.startswith(beginnings)), word)


def _is_same(word: str, other: str) -> bool:
    if word == other:
        return True
    if word in _SUBJECTS or other in _SUBJECTS or word.isdecimal() or other.isdecimal():
        return False
    if word[:SHORTEST_BEGINNING] == other[:SHORTEST_BEGINNING] and min(len(word), len(other)) >= SHORTEST_BEGINNING:
        return True
    return fuzz.ratio(word, other) >= SAME_WORD


_PLAIN_EMPTY = frozenset(_EMPTY.translate(_ONE_LETTER).split())
