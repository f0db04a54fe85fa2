"""Links and headings of a page of Markdown."""

import re


def links_in(text):
    """(path, anchor) of each relative link; either may be empty."""
    return re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text)


def headings(text):
    """The anchors of a page's headings, as code hosts make them."""
    titles = re.findall(r"^#+ (.*)$", re.sub(r"^    .*$", "", text, flags=re.M), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
