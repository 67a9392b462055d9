"""Comments on council requests in SQL."""

from dataclasses import asdict

import sqlalchemy as sa

from riskmap.comment_port import Comment, CommentState, HideReason
from riskmap.store.tables import council_comment


class SqlComments:
    """Comments in SQL; see `riskmap.comment_port.Comments`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, territory: str, request: int, number: int) -> Comment | None:
        found = self._select(_is_of(territory, request), council_comment.c.number == number)
        return found[0] if found else None

    def by_key(self, account_id: str, key: str) -> Comment | None:
        found = self._select(council_comment.c.account_id == account_id, council_comment.c.key == key)
        return found[0] if found else None

    def of_request(self, territory: str, request: int) -> list[Comment]:
        return self._select(_is_of(territory, request))

    def of_territory(self, territory: str) -> list[Comment]:
        return self._select(council_comment.c.territory == territory)

    def add(self, comment: Comment) -> None:
        self._connection.execute(sa.insert(council_comment).values(asdict(comment)))

    def save(self, comment: Comment) -> None:
        is_this = sa.and_(_is_of(comment.territory, comment.request), council_comment.c.number == comment.number)
        changed = {"state": comment.state, "reason": comment.reason}
        self._connection.execute(sa.update(council_comment).where(is_this).values(changed))

    def forget_words(self, territory: str, requests: list[int]) -> int:
        is_old = sa.and_(council_comment.c.territory == territory, council_comment.c.request.in_(requests))
        return self._connection.execute(sa.delete(council_comment).where(is_old)).rowcount

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Comment]:
        order = (council_comment.c.request, council_comment.c.number)
        query = sa.select(council_comment).where(*conditions).order_by(*order)
        return [_comment(row) for row in self._connection.execute(query).mappings()]


def _is_of(territory: str, request: int) -> sa.ColumnElement[bool]:
    return sa.and_(council_comment.c.territory == territory, council_comment.c.request == request)


def _comment(row: sa.RowMapping) -> Comment:
    told = {**row, "state": CommentState(row["state"])}
    return Comment(**told | {"reason": HideReason(row["reason"]) if row["reason"] else None})
