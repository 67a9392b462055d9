"""Settings come from the given environment, and only when asked for."""

from pathlib import Path

import pytest

from riskmap.errors import InvalidSetting
from riskmap.settings import REPOSITORY, SETTINGS, Settings


def test_without_any_setting_everything_lies_in_var_beside_the_program():
    settings = Settings.from_environment({})

    assert settings.data == REPOSITORY / "var"
    assert settings.database_url == f"sqlite:///{REPOSITORY / 'var' / 'riskmap.db'}"
    assert settings.tile_url is None


def test_the_database_follows_the_data_folder_unless_it_is_given(tmp_path: Path):
    moved = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    apart = Settings.from_environment(
        {"RISKMAP_DATA": str(tmp_path), "RISKMAP_DATABASE_URL": "sqlite:////srv/catalogue.db"}
    )

    assert moved.database_url == f"sqlite:///{tmp_path / 'riskmap.db'}"
    assert apart.database_url == "sqlite:////srv/catalogue.db"
    assert apart.data == tmp_path
    assert apart.releases == tmp_path / "releases"


def test_a_relative_data_folder_is_fixed_when_the_settings_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    settings = Settings.from_environment({"RISKMAP_DATA": "here"})

    assert settings.data == tmp_path / "here"


def test_empty_settings_count_as_not_given():
    empty = dict.fromkeys((setting.name for setting in SETTINGS), " ")

    assert Settings.from_environment(empty) == Settings.from_environment({})


def test_the_process_environment_is_read_when_none_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RISKMAP_DATA", str(tmp_path))

    assert Settings.from_environment().data == tmp_path


@pytest.mark.parametrize(
    "environ",
    [
        {"RISKMAP_DATABASE_URL": "postgresql://clerk:secret@host/riskmap"},
        {"RISKMAP_DATABASE_URL": "sqlite://"},
        {"RISKMAP_TILE_URL": "ftp://tiles/{z}/{x}/{y}"},
        {"RISKMAP_TILE_URL": "https://tiles/{z}/{x}"},
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_telling_its_password(environ: dict[str, str]):
    with pytest.raises(InvalidSetting, match="or leave the setting out") as caught:
        Settings.from_environment(environ)

    assert "secret" not in str(caught.value)


def test_every_setting_read_is_declared_with_its_meaning():
    read: set[str] = set()

    class Watched(dict[str, str]):
        def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
            read.add(key)
            return default

    Settings.from_environment(Watched())

    assert {setting.name for setting in SETTINGS} == read
    assert all(setting.meaning.endswith(".") and setting.default for setting in SETTINGS)


# ---- The provider of sign-in ----

PROVIDER = {
    "RISKMAP_SITE_ADDRESS": "https://map.example/",
    "RISKMAP_HTTPS": "1",
    "RISKMAP_OIDC_ISSUER": "https://id.example/realm/",
    "RISKMAP_OIDC_CLIENT_ID": "riskmap",
    "RISKMAP_OIDC_CLIENT_SECRET": "given once",
    "RISKMAP_OIDC_NAME": "Бірыңғай жүйе",
}


def test_a_provider_is_known_once_all_it_needs_is_given():
    provider = Settings.from_environment(PROVIDER).provider

    assert provider.issuer == "https://id.example/realm/"
    assert provider.redirect_address == "https://map.example/sign-in/callback"
    assert (provider.client_secret, provider.secret_file, provider.ca_file) == ("given once", None, None)
    assert "given once" not in repr(Settings.from_environment(PROVIDER))
    assert Settings.from_environment({"RISKMAP_SITE_ADDRESS": "http://localhost:8501"}).provider is None


@pytest.mark.parametrize(
    "changes",
    [
        {"RISKMAP_OIDC_ISSUER": ""},
        {"RISKMAP_OIDC_CLIENT_ID": ""},
        {"RISKMAP_OIDC_CLIENT_SECRET": ""},
        {"RISKMAP_SITE_ADDRESS": ""},
        {"RISKMAP_OIDC_CLIENT_SECRET_FILE": "/run/secrets/oidc"},
        {"RISKMAP_OIDC_ISSUER": "http://id.example"},
        {"RISKMAP_OIDC_ISSUER": "https://user:given-once@id.example"},
        {"RISKMAP_OIDC_ISSUER": "https://id.example?realm=1"},
        {"RISKMAP_OIDC_ISSUER": "id.example"},
        {"RISKMAP_OIDC_ISSUER": "https://id.example/ә"},
        {"RISKMAP_OIDC_ISSUER": "https://" + "x" * 200},
        {"RISKMAP_OIDC_NAME": "x" * 61},
        {"RISKMAP_SITE_ADDRESS": "https://map.example/riskmap"},
        {"RISKMAP_SITE_ADDRESS": "http://map.example"},
        {"RISKMAP_SITE_ADDRESS": "http://localhost:8501"},
        {"RISKMAP_HTTPS": "0"},
    ],
    ids=str,
)
def test_a_provider_that_lacks_something_or_is_not_safe_to_ask_is_refused_with_the_names(changes: dict[str, str]):
    with pytest.raises(InvalidSetting, match="RISKMAP_") as refused:
        Settings.from_environment(PROVIDER | changes)

    assert "given once" not in str(refused.value)
    assert "given-once" not in str(refused.value)
