import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import SourceError
from edge_runtime.sources import open_source
from edge_runtime.sources.replay import ReplaySource
from edge_runtime.uri import parse_source_uri


@pytest.mark.parametrize("prefix", ["", "replay:"])
def test_a_bare_path_is_replayed(tmp_path, prefix):
    path = tmp_path / "walk.csv"
    path.write_text("time_s,acc_x,acc_y\n0,1,2\n0.1,3,4\n")
    source = open_source(f"{prefix}{path}?speed=max", ("acc_y",))
    assert isinstance(source, ReplaySource)
    assert [chunk.samples.tolist() for chunk in source] == [[[2], [4]]]


def test_a_path_with_a_colon_and_a_percent_sign(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "day:1%20.csv").write_text("time_s,acc_x\n0,1\n")
    assert [len(chunk.samples) for chunk in open_source("day:1%20.csv", ("acc_x",))] == [1]


def test_an_unknown_scheme_lists_the_known_ones():
    with pytest.raises(SourceError, match=r"no kind of source called 'telepathy'.*replay:"):
        open_source("telepathy:me", ("acc_x",))


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("", "names nothing"),
        ("?speed=1", "names nothing"),
        ("a.csv?pace=1", "'pace=1'.*out of speed, lead_s"),
        ("a.csv?speed", "option 'speed', expected key=value"),
        ("a.csv?speed=1&speed=2", "at most once"),
        ("a.csv?speed=fast", "speed='fast', expected a number"),
        ("a.csv?speed=inf", "expected a number"),
        ("a.csv?lead_s=", "lead_s='', expected a number"),
        ("a.csv?recording=-1", "expected a whole number"),
        ("a.csv?recording=1.5", "expected a whole number"),
        ("a.csv?speed=1", "there is no file a.csv"),
    ],
)
def test_invalid_uris_are_refused(rest, message):
    with pytest.raises(SourceError, match=message):
        open_source("replay:" + rest, ("acc_x",))


def test_options_are_percent_decoded_and_the_name_is_not():
    target = parse_source_uri("a%20b?key=%31%2E5&", ("key", "other"))
    assert target.name == "a%20b"
    assert target.number("key") == 1.5
    assert target.number("other") is None
    assert target.whole_number("other") is None


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_refused_in_one_sentence(uri):
    try:
        parse_source_uri(uri, ("speed",))
        open_source("replay:/nowhere/" + uri.replace("\x00", ""), ("acc_x",))
    except SourceError:
        pass
