"""A small page around the map, as Streamlit runs it: one release per ``?map=``, language and group by buttons."""

import json
import os
from pathlib import Path

import streamlit as st
from streamlit_folium import st_folium

from riskmap.public import map_view

TEXTS = {
    "kk": {
        "1": "Айқын төмен",
        "2": "Төмен болуы мүмкін",
        "3": "Айқын айырмашылық жоқ",
        "4": "Жоғары болуы мүмкін",
        "5": "Айқын жоғары",
        "6": "Дерек тым аз",
        "7": "Адамдарды қорғау үшін көрсетілмейді",
        "not_covered": "Карта қамтымаған",
        "step1": "ең төмен бестік",
        "step2": "төмен бестік",
        "step3": "ортаңғы бестік",
        "step4": "жоғары бестік",
        "step5": "ең жоғары бестік",
        "unknown": "дерек жоқ",
        "loading": "Карта жүктеліп жатыр…",
        "failed": "Карта деректері жүктелмеді. Төмендегі тізімді қараңыз.",
        "retry": "Қайталау",
        "zoom_in": "Жақындату",
        "zoom_out": "Алыстату",
        "map": "Үлгіқала картасы",
        "keys": "Көрсеткі пернелермен жылжып, Enter пернесімен таңдаңыз.",
        "simulated": "ойдан құрастырылған деректер (модель)",
        "merged": "Бір болып салынғаны",
        "nearer": "Жақындатылды",
        "layers": "Қабаттар",
        "layer_areas": "Аудандар",
        "layer_lines": "Көшелер",
        "layer_marks": "Сұраныстар",
        "layer_on": "көрсетілді",
        "layer_off": "алынды",
        "object_camera": "Камералар: 3",
        "objects_nearer": "Карта жақындағанда көрінеді.",
        "objects_failed": "Нысандар жүктелмеді.",
    },
    "ru": {
        "1": "Явно ниже",
        "2": "Возможно, ниже",
        "3": "Явного отличия нет",
        "4": "Возможно, выше",
        "5": "Явно выше",
        "6": "Слишком мало данных",
        "7": "Не показано, чтобы защитить людей",
        "not_covered": "Карта не охватывает",
        "step1": "нижняя пятая часть",
        "step2": "вторая пятая часть",
        "step3": "средняя пятая часть",
        "step4": "четвёртая пятая часть",
        "step5": "верхняя пятая часть",
        "unknown": "нет данных",
        "loading": "Карта загружается…",
        "failed": "Данные карты не загрузились. Смотрите список ниже.",
        "retry": "Повторить",
        "zoom_in": "Приблизить",
        "zoom_out": "Отдалить",
        "map": "Карта Улгикалы",
        "keys": "Стрелки двигают выбор, Enter выбирает.",
        "simulated": "вымышленные данные (модель)",
        "merged": "Нарисовано как один",
        "nearer": "Карта приближена",
    },
}

name = st.query_params.get("map", "city")
told = json.loads((Path(os.environ["RISKMAP_MAP_RELEASES"]) / f"{name}.json").read_text())
state = st.session_state
state.setdefault("language", "kk")
state.setdefault("group", "all")
state.setdefault("cell", st.query_params.get("cell"))
state.setdefault("flights", 0)
state.setdefault("marks", told["marks"])
state["runs"] = state.get("runs", 0) + 1

st.set_page_config(page_title="Карта", layout="wide")
st.html(f"<style>{map_view.swatch_css()} .block-container, .stMainBlockContainer {{padding: 3rem 1rem 1rem}}</style>")
st.html(
    "<script>window.addEventListener('riskmap:pick', ({detail}) => detail.keep());</script>",
    unsafe_allow_javascript=True,
)
left, right = st.columns([1, 2.4])
with left:
    st.title("Үлгіқала")
    st.html(
        "".join(
            f"<p style='margin:.35rem 0'>{map_view.swatch(code, is_step=told['is_steps'])} "
            f"{TEXTS[state.language][f'step{code}' if told['is_steps'] else str(code)]}</p>"
            for code in range(1, 6 if told["is_steps"] else 8)
        )
    )
    row = st.columns(5)
    if row[0].button("ru", key="ru"):
        state.language = "ru"
    if row[1].button("топ", key="theft"):
        state.group = "theft"
    if row[2].button("жақын", key="fly"):
        state.flights += 1
    if row[3].button("жоқ топ", key="lost"):
        state.group = "lost"
    if row[4].button("белгі", key="more_marks"):
        state.marks = [
            *told["marks"],
            {**told["marks"][0], **told["marked_later"], "cell": "", "count": 1, "text": "Сұраныс: 1"},
        ]
    panel = st.empty()

options = map_view.MapOptions(**{**told["options"], "bounds": tuple(told["options"]["bounds"])})
with right:
    picked = st_folium(
        map_view.territory_map(options),
        key=map_view.map_key(options),
        returned_objects=["cell", "area"],
        use_container_width=True,
        height=620,
    )
if picked.get("n"):
    state.cell = picked["cell"]
    state.area = picked["area"]
south, west, north, east = options.bounds
middle = ((south + north) / 2, (west + east) / 2)
near = (middle[0] - 0.01, middle[1] - 0.01, middle[0] + 0.01, middle[1] + 0.01)
st.html(
    map_view.state_script(
        map_view.MapState(
            name=options.name,
            language=state.language,
            labels=TEXTS[state.language],
            group=state.group,
            cell=state.cell,
            area=state.get("area") if told["is_steps"] else None,
            fly_to=near if state.flights else None,
            fly_count=state.flights,
            marks=tuple(map_view.Mark(**mark) for mark in state.marks),
        )
    ),
    unsafe_allow_javascript=True,
)
panel.html(f"<p id='panel'>Таңдалғаны: {picked.get('cell')} · {picked.get('area')} · {picked.get('n')}</p>")
