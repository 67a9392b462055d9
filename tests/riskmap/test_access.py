"""Who may do what, where: every role, permission, region and ownership against a table written out by hand."""

from itertools import product

import pytest

from riskmap.errors import NotAllowed
from riskmap.identity import access
from riskmap.identity.access import Actor, Grant, Ownership, Permission, Role

ME, OTHER = "a-me", "a-other"

OWNERSHIPS = {
    "nothing said": None,
    "somebody else's": Ownership(requester=OTHER, entered_by=OTHER),
    "own": Ownership(requester=ME, entered_by=ME),
    "own, entered by another": Ownership(requester=ME, entered_by=OTHER),
    "entered by me": Ownership(requester=OTHER, entered_by=ME),
    "without account": Ownership(requester=None, entered_by=OTHER),
    "without account, entered by me": Ownership(requester=None, entered_by=ME),
}

REGIONS = {
    "same territory": ("almaty", "almaty"),
    "same area": ("almaty/7510", "almaty/7510"),
    "area under a granted territory": ("almaty", "almaty/7510"),
    "territory above a granted area": ("almaty/7510", "almaty"),
    "sibling area": ("almaty/7510", "almaty/7511"),
    "area whose name goes on": ("almaty/7510", "almaty/75101"),
    "other territory": ("almaty", "astana"),
    "other territory, the same area": ("almaty/7510", "astana/7510"),
    "territory whose name goes on": ("almaty", "almaty_2"),
    "area of a territory whose name goes on": ("almaty", "almaty_2/7510"),
    "nowhere": ("", "almaty"),
}
"""Region of the role, and region of the deed."""
COVERED = {"same territory", "same area", "area under a granted territory"}

# One letter a role: Resident, council Member, Secretary, Chair, Akimat officer, Police, sTeward, aDministrator.
# The columns are the ownerships above, in their order; a dot is nobody.
MAY = """
file              RM RM RM RM RM RM RM
file_for_someone  S  S  S  S  S  S  S
support           .  RM .  .  .  RM .
read_casework     MSCA MSCA MSCA MSCA MSCA MSCA MSCA
withdraw          .  .  RM RM .  S  S
take_up           S  S  S  S  S  S  S
ask               S  S  S  S  S  S  S
answer            .  .  RM RM .  S  S
merge             S  S  S  S  S  S  S
forward           S  S  S  S  S  S  S
refer             S  S  S  S  S  S  S
approve           .  C  .  .  .  C  .
refuse            .  C  .  .  .  C  .
send              S  S  S  S  S  S  S
schedule          SA SA SA SA SA SA SA
report_not_done   SA SA SA SA SA SA SA
complete          SA SA SA SA SA SA SA
dispute           RM RM RM RM RM RM RM
confirm           S  S  S  S  S  S  S
reopen            S  S  S  S  S  S  S
undo_merge        S  S  S  S  S  S  S
undo_withdrawal   S  S  S  S  S  S  S
enter_appeal      S  S  S  S  S  S  S
extend_term       S  S  S  S  S  S  S
set_date          S  S  S  S  S  S  S
hold_meetings     S  S  S  S  S  S  S
manage_accounts   D  D  D  D  D  D  D
correct_rows      T  T  T  T  T  T  T
review_hotspots   PA PA PA PA PA PA PA
publish           T  T  T  T  T  T  T
answer_reviews    T  T  T  T  T  T  T
read_signals      MSC MSC MSC MSC MSC MSC MSC
sort_signals      S  S  S  S  S  S  S
write_note        SC SC SC SC SC SC SC
read_silent       MSC MSC MSC MSC MSC MSC MSC
export_council    D  D  D  D  D  D  D
comment           RMSCA RMSCA RMSCA RMSCA RMSCA RMSCA RMSCA
moderate          . SC . . . SC .
check_photos      S  S  S  S  S  S  S
"""
LETTERS = {
    "resident": "R",
    "council_member": "M",
    "secretary": "S",
    "chair": "C",
    "akimat_officer": "A",
    "police_reviewer": "P",
    "steward": "T",
    "administrator": "D",
}
TABLE = {name: dict(zip(OWNERSHIPS, cells, strict=True)) for name, *cells in map(str.split, MAY.strip().splitlines())}
OPERATOR_MAY = {"manage_accounts": "administrator", "correct_rows": "steward", "export_council": "administrator"}
ACTORS = ("nobody", "operator", *LETTERS)


def actor_of(kind, granted):
    if kind == "operator":
        return access.operator()
    grants = () if kind == "nobody" else (Grant(role=Role(kind), region_id=granted),)
    return Actor(account_id=ME, login="me", grants=grants)


def expected_role(kind, permission, relation, ownership):
    if kind == "operator":
        return OPERATOR_MAY.get(permission)
    is_allowed = relation in COVERED and LETTERS.get(kind, "?") in TABLE[permission][ownership]
    return kind if is_allowed else None


def role_by_require(actor, permission, region_id, ownership):
    try:
        return access.require(actor, permission, region_id=region_id, ownership=ownership)
    except NotAllowed:
        return None


def test_every_cell_of_the_matrix_is_as_the_table_says():
    visited, allowed, wrong = 0, 0, []

    for kind, permission, relation, ownership in product(ACTORS, Permission, REGIONS, OWNERSHIPS):
        granted, region_id = REGIONS[relation]
        actor, owner = actor_of(kind, granted), OWNERSHIPS[ownership]
        expected = expected_role(kind, permission.value, relation, ownership)
        told = access.allowed_role(actor, permission, region_id=region_id, ownership=owner)
        visited += 1
        allowed += told is not None
        if not told == role_by_require(actor, permission, region_id, owner) == expected:
            wrong.append((kind, permission.value, relation, ownership, told, expected))

    assert wrong == []
    assert visited == 10 * 39 * 11 * 7
    # 11 regions x 7 ownerships for each of the operator's permissions; 3 regions for each letter of the table.
    assert allowed == 3 * 11 * 7 + 3 * 381


def test_the_table_names_every_permission_and_every_role():
    assert set(TABLE) == {permission.value for permission in Permission}
    assert set(LETTERS) == {role.value for role in Role}


def test_a_permission_without_a_rule_is_refused_to_every_role():
    everything = Actor(account_id=ME, login="me", grants=tuple(Grant(role=role, region_id="almaty") for role in Role))

    assert access.allowed_role(everything, "fly", region_id="almaty") is None


def test_roles_in_two_regions_do_not_add_up():
    actor = Actor(
        account_id=ME,
        login="me",
        grants=(
            Grant(role=Role.RESIDENT, region_id="almaty/7510"),
            Grant(role=Role.CHAIR, region_id="almaty/7511"),
        ),
    )
    others = OWNERSHIPS["somebody else's"]

    assert access.allowed_role(actor, Permission.APPROVE, region_id="almaty/7510", ownership=others) is None
    assert access.allowed_role(actor, Permission.APPROVE, region_id="almaty/7511", ownership=others) is Role.CHAIR


@pytest.mark.parametrize("second", [Role.SECRETARY, Role.RESIDENT, Role.ADMINISTRATOR])
def test_a_chair_does_not_decide_on_an_own_request_by_way_of_a_second_role(second):
    grants = tuple(Grant(role=role, region_id="almaty") for role in (Role.CHAIR, second))
    actor = Actor(account_id=ME, login="me", grants=grants)

    with pytest.raises(NotAllowed) as refused:
        access.require(actor, Permission.APPROVE, region_id="almaty", ownership=OWNERSHIPS["own"])

    assert refused.value.is_own
    assert refused.value.permission == "approve"


def test_a_refusal_says_who_has_what_where_and_what_it_needs():
    actor = actor_of("resident", "almaty")

    with pytest.raises(NotAllowed, match=r"a-me has resident in almaty/7510; take_up needs secretary\."):
        access.require(actor, Permission.TAKE_UP, region_id="almaty/7510")


def test_an_account_with_the_login_of_the_operator_is_not_the_operator():
    actor = Actor(account_id=ME, login=access.OPERATOR)

    assert access.allowed_role(actor, Permission.MANAGE_ACCOUNTS, region_id="almaty") is None
