"""Words of a caption, as the Penn Treebank tokeniser of the COCO caption evaluation splits them.

Lower case; punctuation is left out; clitics stand apart ("it 's", "do n't"); brackets become
"-lrb-"; numbers, hyphened words and abbreviations stay whole. Held by golden files against
Stanford's tokeniser (CoreNLP 3.4.1 ``-lowerCase``, as pycocoevalcap calls it). Its rules for rare
forms (emoticons, fractions by letter, most abbreviations) are not repeated here.
"""

from __future__ import annotations

import re

# What pycocoevalcap leaves out; "?!" and brackets are words to it.
_LEFT_OUT = frozenset({"''", "'", '"', "``", "`", "?", "!", ",", ":", ";"})
_BRACKETS = {
    "(": "-lrb-",
    ")": "-rrb-",
    "[": "-lsb-",
    "]": "-rsb-",
    "{": "-lcb-",
    "}": "-rcb-",
}
_TWO_WORDS = {
    "cannot": ("can", "not"),
    "gonna": ("gon", "na"),
    "gotta": ("got", "ta"),
    "wanna": ("wan", "na"),
    "lemme": ("lem", "me"),
    "gimme": ("gim", "me"),
    "'tis": ("'t", "is"),
    "'twas": ("'t", "was"),
}
# En and em dash, ellipsis, single and double quotation marks.
_TYPEWRITTEN = str.maketrans(
    {
        0x2013: "--",
        0x2014: "--",
        0x2026: "...",
        0x2018: "`",
        0x2019: "'",
        0x201C: "``",
        0x201D: "''",
    }
)
_TOKEN = re.compile(
    r"""
      </?[a-z][^<>]*>                                  # a tag
    | https?://[^\s<>"]+ | [\w.+-]+@[\w-]+(?:\.[\w-]+)+  # addresses
    | @\w+
    | (?:[a-z]\.){2,}                                  # u.s., e.g.
    | (?:mr|mrs|ms|dr|st|vs|etc)\.
    | no\.(?=\s*\d)
    | [+-]?(?:\d+(?:[.,:]\d+)*|\.\d+)(?![\w/-]|[.]\w)  # a number
    | '(?:tis|twas)\b
    | '\d\ds\b                                         # '90s
    | o'\w+ | 'n'
    | n't(?!\w) | '(?:s|m|d|re|ve|ll)(?!\w)            # clitics
    | (?:\w+[-./])*\w+(?=n't(?!\w))                   # what "n't" hangs on
    | \w+(?:[-./]\w+)*                                 # a word, hyphened or not
    | --+ | \.{2,} | [?!]{2,} | ''|`` | \S
    """,
    re.VERBOSE,
)


def tokenise(text: str) -> list[str]:
    """The words of ``text``; empty where there are none.

    Args:
        text: one caption; line ends count as spaces.
    """
    found = (match.group() for match in _TOKEN.finditer(text.lower().translate(_TYPEWRITTEN)))
    return [word for token in found for word in _words_of(token)]


def _words_of(token: str) -> list[str]:
    if token in _LEFT_OUT or set(token) in ({"-"}, {"."}):
        return []
    if token in _BRACKETS:
        return [_BRACKETS[token]]
    if token in _TWO_WORDS:
        return list(_TWO_WORDS[token])
    return [token]
