# ruff: noqa: E501 - lines of an API list are as long as they are
"""The stubs that the app is compiled against, as javap reads them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.android
TOOLS = Path(__file__).resolve().parents[2] / ".ci" / "android"
API = """\
// Signature format: 2.0
package a.b {

  public abstract class Outer<T extends a.b.Face> extends java.util.ArrayList<T> implements a.b.Face java.io.Closeable {
    ctor @Deprecated protected Outer(@NonNull int[], @Nullable String...);
    method @Needs(any={"x("}) @Nullable public abstract <V> java.util.Map<java.lang.String,V> get(@NonNull Class<V>);
    field public static final int ANSWER = 42; // 0x2a
    field @NonNull public static final String TEXT = "a\\"b;c";
    field public static final float NONE = (0.0f/0.0f);
  }

  public static class Outer.Inner {
    method public a.b.Outer.Kind kind() throws java.io.IOException;
  }

  public enum Outer.Kind {
    enum_constant public static final a.b.Outer.Kind ONE;
  }

  public interface Face {
    method public void must();
    method public default int may();
  }

}
"""


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    if shutil.which("javap") is None:
        pytest.skip("no JDK here: make test-android installs one")
    folder = tmp_path_factory.mktemp("stubs")
    (folder / "api.txt").write_text(API)
    subprocess.run(
        [sys.executable, TOOLS / "api_stubs.py", folder / "api.txt", folder / "api.jar"], check=True
    )

    def describe(name):
        command = ["javap", "-v", "-protected", "-cp", folder / "api.jar", name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return describe


def test_generics_constants_and_nullability_are_kept(described):
    outer = described("a.b.Outer")
    assert (
        "public abstract class a.b.Outer<T extends a.b.Face> extends java.util.ArrayList<T> implements"
        in outer
    )
    assert (
        "<V extends java.lang.Object> java.util.Map<java.lang.String, V> get(java.lang.Class<V>);"
        in outer
    )
    assert "protected a.b.Outer(int[], java.lang.String...);" in outer
    assert "int 42" in outer and 'a\\"b;c' in outer
    assert outer.count("  org.jetbrains.annotations.NotNull") == 3
    assert outer.count("  org.jetbrains.annotations.Nullable") == 2


def test_nested_classes_enums_and_interfaces(described):
    inner = described("a.b.Outer$Inner")
    assert "InnerClasses" in inner and "a.b.Outer$Kind kind()" in inner
    kind = described("a.b.Outer$Kind")
    assert "extends java.lang.Enum" in kind and "ACC_ENUM" in kind
    face = described("a.b.Face")
    assert "public abstract void must();" in face and "public default int may();" in face
