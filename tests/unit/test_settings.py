"""The environment as settings, and addresses as people write them."""

from __future__ import annotations

import json
import re

import pytest

from graph_orch.cli.mcp_clients import PASSWORD, TOKEN, Client, configuration
from graph_orch.errors import StoreUnreachableError, ValidationError
from graph_orch.settings import (
    Address,
    EmbeddedSettings,
    LogSettings,
    McpSettings,
    ServerSettings,
    TokenSettings,
)

SECRET = "s3cr3t"


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for settings in (ServerSettings, EmbeddedSettings, LogSettings, McpSettings, TokenSettings):
        for name in settings.model_fields:
            monkeypatch.delenv(f"{settings.model_config['env_prefix']}{name}".upper(), False)


@pytest.mark.parametrize(
    ("written", "uri", "auth"),
    [
        ("bolt://host", "bolt://host", None),
        ("bolt://host:7687/", "bolt://host:7687", None),
        ("BOLT://Host:7687", "bolt://host:7687", None),
        (" neo4j+s://host ", "neo4j+s://host", None),
        (f"bolt://ada:{SECRET}@host:1", "bolt://host:1", ("ada", SECRET)),
        ("bolt+ssc://ada:p%40s%2Fs@[::1]:1", "bolt+ssc://[::1]:1", ("ada", "p@s/s")),
        ("bolt://ada:p@ss@host", "bolt://host", ("ada", "p@ss")),
        ("bolt://ada@host", "bolt://host", ("ada", "")),
        ("neo4j://ada:x@host?region=eu", "neo4j://host?region=eu", ("ada", "x")),
    ],
)
def test_address(written, uri, auth):
    found = Address.parse(written)
    assert (found.uri, found.auth) == (uri, auth)
    assert Address.parse(written, ("bob", "y")).auth == ("bob", "y")


@pytest.mark.parametrize(
    "written",
    [
        f"bolt://ada:{SECRET}/x@host",
        f"bolt://ada:{SECRET}?x@host",
        f"bolt://ada:x#{SECRET}@host",
        f"bolt://ada:1/{SECRET}@host",
        f"bolt://ada:{SECRET}",
        f"neo4j:{SECRET}@host",
        f"ada:{SECRET}@host:7687",
        f"http://ada:{SECRET}@host",
        f"bolt://host?password={SECRET}",
        f"bolt://ada:{SECRET}@",
        f"bolt://ada:{SECRET}@[::1",
        f"bolt://ada:{SECRET}@h℀st",
        f"bolt://host/{SECRET}",
        f"bolt://host:{SECRET}",
        "bolt://",
        "",
    ],
)
def test_an_address_that_cannot_be_used_is_not_quoted(written, monkeypatch):
    with pytest.raises(StoreUnreachableError, match="cannot use the address") as caught:
        Address.parse(written)
    assert caught.value.__cause__ is None
    assert SECRET not in str(caught.value)
    if written:
        monkeypatch.setenv("NEO4J_URI", written)
        with pytest.raises(StoreUnreachableError) as caught:
            ServerSettings()
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("auth", [5, "ada", ("ada",), ("ada", 5), ("ada", SECRET, "x")])
def test_credentials_that_are_none_are_not_shown(auth):
    with pytest.raises(ValidationError, match="user and the password") as caught:
        Address.parse("bolt://host", auth)
    assert SECRET not in str(caught.value)


def test_what_holds_a_password_does_not_show_it(monkeypatch):
    monkeypatch.setenv("NEO4J_URI", f"neo4j://ada:{SECRET}@host?token={SECRET}")
    settings = ServerSettings()
    assert settings.auth == ("ada", SECRET)
    address = Address.parse(f"neo4j://ada:{SECRET}@host?token={SECRET}")
    for shown in (settings.username, settings.password, address, [address]):
        assert SECRET not in f"{shown!r} {shown}"


def test_a_password_that_is_set_by_itself_goes_before_the_one_in_the_uri(monkeypatch):
    monkeypatch.setenv("NEO4J_URI", f"bolt://ada:{SECRET}@host")
    monkeypatch.setenv("NEO4J_PASSWORD", "other")
    assert ServerSettings().auth == ("ada", "other")
    monkeypatch.setenv("NEO4J_USERNAME", "bob")
    assert ServerSettings().auth == ("bob", "other")


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        (EmbeddedSettings, "GRAPH_ORCH_PORT"),
        (EmbeddedSettings, "GRAPH_ORCH_HEAP"),
        (EmbeddedSettings, "GRAPH_ORCH_START_TIMEOUT_SECONDS"),
    ],
)
def test_a_setting_that_is_not_valid_is_named_and_not_shown(settings, variable, monkeypatch):
    monkeypatch.setenv(variable, SECRET)
    with pytest.raises(ValidationError, match=variable) as caught:
        settings()
    assert SECRET not in str(caught.value)


EVERY = {
    "NEO4J_URI": "bolt://host:1",
    "NEO4J_USERNAME": "ada",
    "NEO4J_DATABASE": "work",
    "GRAPH_ORCH_DATA_DIR": "/data",
    "GRAPH_ORCH_CACHE_DIR": "/cache",
    "GRAPH_ORCH_NEO4J_VERSION": "2026.08.1",
    "GRAPH_ORCH_HEAP": "1g",
    "GRAPH_ORCH_PAGE_CACHE": "64m",
    "GRAPH_ORCH_PORT": "7777",
    "GRAPH_ORCH_JAVA_HOME": "/java",
    "GRAPH_ORCH_MAVEN_URL": "https://mirror/maven2",
    "GRAPH_ORCH_PLUGINS": "gds",
    "GRAPH_ORCH_START_TIMEOUT_SECONDS": "60.0",
}


def test_the_environment_of_settings_makes_the_same_again(monkeypatch):
    """Every setting there is, so that a new one is not forgotten where clients are told of them."""
    for name, value in EVERY.items():
        monkeypatch.setenv(name, value)
    server, embedded = ServerSettings(), EmbeddedSettings()
    assert server.environment() | embedded.environment() == EVERY
    fields = {f"NEO4J_{it}".upper() for it in ServerSettings.model_fields}
    fields |= {f"GRAPH_ORCH_{it}".upper() for it in EmbeddedSettings.model_fields}
    assert fields - {"NEO4J_PASSWORD"} == EVERY.keys()


@pytest.mark.parametrize("password", [SECRET, f"x/{SECRET}", f"x@{SECRET}", f"//x\n{SECRET}"])
def test_the_environment_of_settings_holds_for_another_directory_and_no_secret(
    monkeypatch, tmp_path, password
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRAPH_ORCH_DATA_DIR", "here")
    monkeypatch.setenv("GRAPH_ORCH_MAVEN_URL", f"https://ada:{password}@mirror/maven2")
    assert SECRET not in repr(EmbeddedSettings()) + str(EmbeddedSettings())
    assert EmbeddedSettings().environment() == {
        "GRAPH_ORCH_DATA_DIR": str(tmp_path / "here"),
        "GRAPH_ORCH_MAVEN_URL": "https://mirror/maven2",
    }
    monkeypatch.setenv("NEO4J_URI", f"bolt://ada:{SECRET}@host")
    assert ServerSettings().environment() == {"NEO4J_URI": "bolt://host", "NEO4J_USERNAME": "ada"}


@pytest.mark.parametrize("client", Client)
@pytest.mark.parametrize(
    ("name", "secret"), [("NEO4J_PASSWORD", PASSWORD), ("GRAPH_ORCH_TOKEN", TOKEN)]
)
def test_a_client_takes_the_password_from_where_it_may_stand(client, name, secret):
    text = configuration(client, ["/bin/graph-orch", "mcp"], {name: secret})
    expected = {
        Client.CODEX: rf'env_vars = \["{name}"\]',
        Client.CURSOR: rf"\$\{{env:{name}\}}",
        Client.GEMINI: rf"\${name}",
        Client.VSCODE: rf"\$\{{input:{name.lower().replace('_', '-')}\}}",
    }
    assert re.search(expected.get(client, secret), text)
    if client is Client.VSCODE:
        (asked,) = json.loads(text.partition("\n")[2])["inputs"]
        assert asked["password"] is True
