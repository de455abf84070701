"""Tests of `kgsynth.reports.rows_page`."""

import json
import re

from kgsynth.reports.rows_page import rows_page


def test_the_page_holds_all_rows_and_no_text_of_them_becomes_html() -> None:
    rows = [
        {"text": "</script><script>alert(1)</script>", "reasoning": "@title@", "level": 3},
        {"text": "half \ud835 pair", "documents": ["a<b"]},
    ]
    page = rows_page(rows, title="runs/<b>x", note="2 & 3 rows. `kgsynth show <run>`")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    read = json.loads(data)
    assert read[0] == rows[0]
    assert read[1]["text"] == "half ? pair"
    assert page.count("runs/&lt;b&gt;x") == 2
    assert "2 &amp; 3 rows. <code>kgsynth show &lt;run&gt;</code>" in page
    assert page.count("<script") == 2
