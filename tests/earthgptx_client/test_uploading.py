import io

from earthgptx_client.commands.uploading import UploadBar


def bar_of(patience_s: float) -> tuple[UploadBar, io.StringIO]:
    out = io.StringIO()
    return UploadBar("harbour.tif", out, patience_s), out


def test_a_bar_grows_in_place_and_leaves_nothing() -> None:
    bar, out = bar_of(patience_s=0)
    bar.show(50_000_000, 200_000_000)
    assert out.getvalue().startswith("\r\x1b[2Kuploading harbour.tif [########....")
    assert out.getvalue().endswith("25% of 200.0 MB")
    bar.show(200_000_000, 200_000_000)
    assert "checking harbour.tif" in out.getvalue()
    assert "\n" not in out.getvalue()
    bar.clear()
    assert out.getvalue().endswith("\r\x1b[2K")


def test_what_is_over_soon_shows_no_bar() -> None:
    bar, out = bar_of(patience_s=60)
    bar.show(10, 20)
    bar.show(20, 20)
    bar.clear()
    assert out.getvalue() == ""
    bar.show(20_000_000, 20_000_000)
    assert "checking" in out.getvalue()


def test_an_empty_file_is_no_fault() -> None:
    bar, out = bar_of(patience_s=0)
    bar.show(0, 0)
    assert "0%" in out.getvalue()
