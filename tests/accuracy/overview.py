"""The overview of `docs/science`: its parts that programs write, each between two marks."""

from pathlib import Path

from deploy.local.layout import PROJECT

PAGE = PROJECT / "docs/science/README.md"


def with_part(text: str, name: str, part: str) -> str:
    """The text with what stands between the marks of that name written anew.

    Raises
    ------
    ValueError : it has no such marks
    """
    begin, end = f"<!-- {name}: by make accuracy -->", f"<!-- end of {name} -->"
    before, has_begin, rest = text.partition(begin)
    _, has_end, after = rest.partition(end)
    if not has_begin or not has_end:
        raise ValueError(f"no place for {name}: {begin} and {end}")
    return f"{before}{begin}\n{part.strip()}\n{end}{after}"


def put(name: str, part: str, page: Path) -> None:
    """Write a part of the page anew."""
    page.write_text(with_part(page.read_text(), name, part))
