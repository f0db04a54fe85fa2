"""Links and headings of a page of Markdown, and what documents name."""

import re


def links_in(text):
    """(path, anchor) of each relative link; either may be empty."""
    return re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text)


def headings(text):
    """The anchors of a page's headings, as code hosts make them."""
    titles = re.findall(r"^#+ (.*)$", re.sub(r"^    .*$", "", text, flags=re.M), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(pages):
    """What links of these pages lead to and is not there, each as "page: link"."""
    for page in pages:
        for link, anchor in links_in(page.read_text()):
            target = page.parent / link if link else page
            if not target.is_file():
                yield f"{page.name}: {link}"
            elif anchor and anchor not in headings(target.read_text()):
                yield f"{page.name}: {link}#{anchor}"


def lost_pages(document, folder):
    """The pages that a document names, in whatever form it is written, and that are not in the folder; one that
    the document says is in the sources is not lost."""
    text = document.read_text().replace("\\-", "-")
    return [name for name in re.findall(r"(?<![\w./-])([\w./-]+\.md)\b`?(?!`?\s+in\s+the\s+sources)", text)
            if not (folder / name).is_file()]
