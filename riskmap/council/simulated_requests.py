"""Simulated requests of the made-up city's council: what was asked there and how far it came. Nothing of it is real.

Days count from the first day of the story. ``same_place_as`` puts a request beside an earlier one. The texts are in
the two languages in which people of Kazakhstan write to a council, as they would stand in the records.
"""

from dataclasses import dataclass, field

from riskmap.council.request import Action, RequestKind
from riskmap.identity.access import Role

R, M, S, C, A = Role.RESIDENT, Role.COUNCIL_MEMBER, Role.SECRETARY, Role.CHAIR, Role.AKIMAT_OFFICER


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step: on which day of the story, by whom, what, with which fields."""

    day: int
    role: Role
    action: Action
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One simulated request: who asked what in which district, how many neighbours joined, what came of it.

    ``merged_into`` is the position (from 1) of the story it is merged into.
    """

    day: int
    by: Role
    kind: RequestKind
    district: int
    landmark: str
    grounds: str
    neighbours: int = 0
    same_place_as: int | None = None
    events: tuple[Event, ...] = ()


def _event(day: int, role: Role, action: Action, **fields: str) -> Event:
    return Event(day=day, role=role, action=action, fields=fields)


def _up(day: int, wording: str) -> Event:
    return _event(day, S, Action.TAKE_UP, wording=wording)


def _to_council(day: int, note: str) -> Event:
    return _event(day, S, Action.REFER, note=note)


STORIES: tuple[Story, ...] = (
    Story(
        day=0,
        by=R,
        kind=RequestKind.LIGHTING,
        district=4,
        landmark="Аялдамадан мектепке дейінгі жаяу жол",
        grounds=(
            "Кешкі сағат жетіден кейін жол қараңғы, балалар екінші ауысымнан қараңғыда қайтады. Бес бағанның үшеуі "
            "жанбайды."
        ),
        neighbours=11,
        events=(
            _up(1, "Аялдамадан мектепке дейінгі жаяу жолды жарықтандыру: бес бағанның үшеуі жанбайды."),
            _to_council(3, "Жарық шаруашылығы бағандардың істен шыққанын растады."),
            _event(
                9,
                C,
                Action.APPROVE,
                decision_grounds="Жол мектепке апарады, жарықтың жоқтығы тексерілді.",
                expectation="Бес бағанның бесеуі жанады; кешкі уақытта жарықтың деңгейі 10 люкстен кем емес.",
            ),
            _event(
                10,
                S,
                Action.SEND,
                body="Үлгіқала қаласының жарық шаруашылығы",
                document_number="КҚ-04",
                document_day="2026-09-11",
            ),
            _event(
                15,
                A,
                Action.SCHEDULE,
                body_answer="Шамдар қоймада бар, жұмыс екі аптада аяқталады.",
                answer_number="ЖШ-118",
                answer_day="2026-09-15",
                planned_day="2026-10-01",
            ),
            _event(31, A, Action.COMPLETE, done_day="2026-10-01", document="Орындалған жұмыс актісі № 27"),
        ),
    ),
    Story(
        day=2,
        by=M,
        kind=RequestKind.ROAD_SIGN,
        district=1,
        landmark="Перекрёсток у центрального рынка",
        grounds=(
            "Пешеходы переходят в неположенном месте: до ближайшего перехода 400 метров. Машины не сбавляют скорость."
        ),
        neighbours=9,
        events=(
            _up(3, "Пешеходный переход со знаком у центрального рынка: до ближайшего перехода 400 метров."),
            _to_council(6, "Замер расстояния приложен к делу."),
            _event(
                9,
                C,
                Action.APPROVE,
                decision_grounds="Поток пешеходов в часы рынка подтверждён двумя замерами.",
                expectation="Скорость машин у перехода не выше 40 километров в час в девяти случаях из десяти.",
            ),
            _event(11, S, Action.SEND, body="Отдел дорог Улгикалы", document_number="КҚ-05", document_day="2026-09-12"),
            _event(
                20,
                A,
                Action.SCHEDULE,
                body_answer="Знак и разметка включены в план октября.",
                answer_number="ОД-56",
                answer_day="2026-09-20",
                planned_day="2026-10-20",
            ),
            _event(50, A, Action.COMPLETE, done_day="2026-10-20", document="Акт приёмки № 31"),
            _event(
                54,
                R,
                Action.DISPUTE,
                dispute_kind="partly_done",
                dispute_reason="Знак стоит, но разметки нет, переход не виден.",
            ),
        ),
    ),
    Story(
        day=4,
        by=R,
        kind=RequestKind.CAMERA,
        district=3,
        landmark="Теміржол вокзалының алдындағы алаң",
        grounds="Кешкі пойыздар келгенде алаңда адам көп, сөмке ұрлау жиілеп кетті. Камера тек кіреберісте тұр.",
        neighbours=7,
        events=(
            _up(5, "Вокзал алдындағы алаңға бейнебақылау камерасын орнату."),
            _to_council(8, "Вокзал әкімшілігі келіседі."),
            _event(
                16,
                C,
                Action.APPROVE,
                decision_grounds="Алаң – көпшілік орын, қолданыстағы камера оны көрмейді.",
                expectation="Камера алаңды толық көрсетеді және қалалық жүйеге қосылады.",
            ),
            _event(
                18,
                S,
                Action.SEND,
                body="Үлгіқала қаласының әкімдігі, бейнебақылау бөлімі",
                document_number="КҚ-07",
                document_day="2026-09-19",
            ),
            _event(
                30,
                A,
                Action.SCHEDULE,
                body_answer="Жабдық сатып алынды, орнату жоспарланды.",
                answer_number="БҚ-12",
                answer_day="2026-09-30",
                planned_day="2026-12-15",
            ),
        ),
    ),
    Story(
        day=6,
        by=R,
        kind=RequestKind.PATROL,
        district=2,
        landmark="Жағалау саябағы, көпір жақ",
        grounds=(
            "Демалыс күндері түнде саябақта топ-топ болып жиналып, айқай-шу шығарады, көрші үйлердің терезелері сынған."
        ),
        neighbours=6,
        events=(
            _up(7, "Жағалау саябағын демалыс күндері түнде патрульдеу."),
            _to_council(10, "Учаскелік инспектор мәселені біледі."),
            _event(
                16,
                C,
                Action.APPROVE,
                decision_grounds="Түнгі шағымдар қайталанып отыр.",
                expectation="Жұма мен сенбіде сағат 22.00–02.00 аралығында бір экипаж, екі ай бойы.",
            ),
            _event(
                17,
                S,
                Action.SEND,
                body="Үлгіқала қаласының полиция бөлімі",
                document_number="КҚ-08",
                document_day="2026-09-18",
            ),
        ),
    ),
    Story(
        day=9,
        by=M,
        kind=RequestKind.LIGHTING,
        district=6,
        landmark="Двор за детским садом",
        grounds="Во дворе нет ни одного фонаря, вечером идут по телефону с фонариком. Осенью темнеет уже в шесть.",
        neighbours=8,
        events=(
            _up(10, "Освещение двора за детским садом."),
            _to_council(14, "Двор на балансе города."),
            _event(
                23,
                C,
                Action.APPROVE,
                decision_grounds="Двор проходной, им пользуются родители с детьми.",
                expectation="Четыре светильника, горят с наступлением темноты до рассвета.",
            ),
        ),
    ),
    Story(
        day=12,
        by=R,
        kind=RequestKind.CAMERA,
        district=5,
        landmark="Тұрғын үйдің кіреберісі",
        grounds=(
            "Біздің кіреберіске камера қойып беріңіздер, кім кіріп, кім шығып жатқанын білгіміз келеді, "
            "көршілердің бәрі қолдайды."
        ),
        neighbours=2,
        events=(
            _up(13, "Тұрғын үйдің кіреберісіне камера орнату."),
            _to_council(16, "Жеке меншік нысан."),
            _event(
                23,
                C,
                Action.REFUSE,
                legal_grounds=(
                    "«Тұрғын үй қатынастары туралы» Заң: ортақ мүлік туралы шешімді пәтерлер мен тұрғын емес үй-жайлар "
                    "иелерінің жиналысы қабылдайды."
                ),
                decision_grounds=(
                    "Кіреберіс – тұрғындардың ортақ меншігі: камераны иелері өздері шешеді. Кеңес тек көпшілік "
                    "орындар туралы шешім қабылдайды."
                ),
            ),
        ),
    ),
    Story(
        day=14,
        by=R,
        kind=RequestKind.ROAD_SIGN,
        district=7,
        landmark="Трасса у въезда в город",
        grounds="На въезде в город нет знака ограничения скорости, фуры проходят мимо домов на полном ходу.",
        neighbours=4,
        events=(
            _up(15, "Знак ограничения скорости на въезде в город."),
            _event(18, S, Action.FORWARD, competent_body="Орган, который содержит республиканскую дорогу"),
        ),
    ),
    Story(
        day=16,
        by=M,
        kind=RequestKind.LIGHTING,
        district=2,
        landmark="Өзен жағасындағы баспалдақ",
        grounds="Жағаға түсетін баспалдақта шам жоқ, қыста мұз қатқанда құлайтындар көп болады.",
        neighbours=5,
        events=(
            _up(17, "Жағаға түсетін баспалдақты жарықтандыру."),
            _to_council(20, "Қыс алдында шешу керек."),
            _event(
                30,
                C,
                Action.APPROVE,
                decision_grounds="Баспалдақ жыл бойы ашық.",
                expectation="Баспалдақтың басы мен аяғында бір-бір шам.",
            ),
            _event(
                31,
                S,
                Action.SEND,
                body="Үлгіқала қаласының жарық шаруашылығы",
                document_number="КҚ-11",
                document_day="2026-10-02",
            ),
            _event(
                45,
                S,
                Action.REPORT_NOT_DONE,
                not_done_kind="done_otherwise",
                reason="Баспалдақ күрделі жөндеуге жабылады; жарық жөндеумен бірге келесі жылы жоспарланған.",
            ),
        ),
    ),
    Story(
        day=21,
        by=R,
        kind=RequestKind.PATROL,
        district=1,
        landmark="Орталық базардың артқы қақпасы",
        grounds="Кешке базар жабылғанда артқы қақпада жүк түсіретін жерде төбелес жиі болады, сатушылар қорқады.",
        neighbours=5,
        events=(
            _up(22, "Орталық базардың артқы қақпасын кешке патрульдеу."),
            _to_council(27, "Базар әкімшілігінің хаты бар."),
        ),
    ),
    Story(
        day=25,
        by=M,
        kind=RequestKind.ROAD_SIGN,
        district=4,
        landmark="Перекрёсток возле поликлиники",
        grounds="Возле поликлиники пожилые люди переходят дорогу без перехода, водители не пропускают.",
        neighbours=3,
        events=(
            _up(26, "Пешеходный переход возле поликлиники."),
            _to_council(33, "Просим рассмотреть вместе с другими переходами района."),
        ),
    ),
    Story(
        day=30,
        by=R,
        kind=RequestKind.LIGHTING,
        district=3,
        landmark="Станцияның көпірі",
        grounds="Теміржол үстіндегі жаяу көпірде шамдар қыстан бері жанбайды, кешке өту қорқынышты.",
        neighbours=4,
        events=(
            _up(32, "Теміржол үстіндегі жаяу көпірді жарықтандыру."),
            _event(34, S, Action.ASK, question="Көпірдің екі жағында да шам жанбай ма, әлде бір жағында ма?"),
        ),
    ),
    Story(
        day=33,
        by=S,
        kind=RequestKind.OTHER,
        district=5,
        landmark="Дворовая площадка",
        grounds="Пришла пожилая жительница: на площадке сломаны лавочки и забор, вечером там собираются компании.",
        events=(
            _up(34, "Починить лавочки и забор дворовой площадки."),
            _event(36, S, Action.ASK, question="С какой стороны двора сломан забор?"),
            _event(41, S, Action.ANSWER, answer="Со стороны гаражей, два пролёта."),
        ),
    ),
    Story(
        day=36,
        by=M,
        kind=RequestKind.LIGHTING,
        district=3,
        landmark="Пешеходный мост над путями",
        grounds="На пешеходном мосту у станции не горит ни один фонарь, вечером людей почти не видно.",
        neighbours=3,
        same_place_as=11,
        events=(
            _up(37, "Освещение пешеходного моста у станции."),
            _event(38, S, Action.MERGE, earlier_request="11"),
        ),
    ),
    Story(
        day=40,
        by=R,
        kind=RequestKind.CAMERA,
        district=6,
        landmark="Супермаркеттің тұрағы",
        grounds="Тұрақта көлік айнасын сындырып, зат ұрлау екі рет болды, камера керек деп ойлаймын.",
        neighbours=1,
        events=(_event(42, R, Action.WITHDRAW),),
    ),
    Story(
        day=47,
        by=R,
        kind=RequestKind.ROAD_SIGN,
        district=2,
        landmark="Мектеп алдындағы өткел",
        grounds="Мектеп алдындағы өткелдің белгісі желмен құлап қалған, балалар көшеден қауіппен өтеді.",
        neighbours=6,
        events=(
            _up(49, "Мектеп алдындағы өткелдің құлаған белгісін орнына қою."),
            _event(50, S, Action.ENTER_APPEAL, appeal_number="ЖТ-2026-0001", appeal_day="2026-10-21"),
        ),
    ),
    Story(
        day=52,
        by=M,
        kind=RequestKind.PATROL,
        district=7,
        landmark="Дачный массив за степной улицей",
        grounds="После закрытия сезона на дачах взламывают домики, просим объезд хотя бы раз за ночь.",
        neighbours=2,
        events=(_event(53, S, Action.SET_DATE, own_day="2026-11-10"),),
    ),
    Story(
        day=56,
        by=R,
        kind=RequestKind.LIGHTING,
        district=1,
        landmark="Театр жанындағы автобус аялдамасы",
        grounds="Аялдаманың шамы жанбайды, кешкі жетіден кейін автобусты қараңғыда күтеміз.",
        neighbours=3,
    ),
    Story(
        day=58,
        by=S,
        kind=RequestKind.CAMERA,
        district=4,
        landmark="Спорт алаңы",
        grounds="Кеңеске келген тұрғын: спорт алаңында жаңа қойылған жабдықты сындырып жатыр, камера сұрайды.",
    ),
)
