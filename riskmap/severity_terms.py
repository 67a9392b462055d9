"""The weights of severity, as public pages may say them."""

from geodata import harm_index
from riskmap.public.severity_pages import Weight


def current() -> tuple[Weight, ...]:
    """Every article and part that has a weight, in the order of the Code."""
    return tuple(
        Weight(
            article=row["article"],
            part=row["part"] or "",
            title_kk=row["title_kk"] or "",
            title_ru=row["title_ru"] or "",
            severity=row["severity"],
            days=row["harm_days"],
            basis=row["harm_basis"],
        )
        for row in harm_index.weights().iter_rows(named=True)
    )
