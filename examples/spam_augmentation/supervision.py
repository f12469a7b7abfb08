"""A few labeling functions for comments under music videos, and what may be done to a comment that keeps its class.

The transformation functions say what an author might as well have written: another word for the same, a slip of the
fingers, words in another order, a word left out. Words on which the class hangs are protected.
"""

import labelwright as lw
from labelwright.augmentation import text

HAM, SPAM = "ham", "spam"

# ---------------------------------------------------------------------------------------------------------------------
# Labeling functions: plain cues.

subscribe = lw.keyword_lf("subscribe", ["subscribe", "subscribers"], SPAM)
check_out = lw.regex_lf("check_out", r"(?i)\bcheck\b.*\bout\b", SPAM)
my_channel = lw.keyword_lf("my_channel", ["my channel", "my video", "my page", "my music"], SPAM)
link = lw.regex_lf("link", r"(?i)https?://|www\.|\.com\b", SPAM)
please = lw.keyword_lf("please", ["please", "plz", "pls"], SPAM)


@lw.labeling_function(labels=[HAM])
def short_comment(x):
    """Say ham for at most five words that name no place to go."""
    return HAM if len(x.text.split()) <= 5 and "http" not in x.text else None


love = lw.regex_lf("love", r"(?i)\b(?:love|miss) (?:it|this|that|you|her|him)\b", HAM)
views = lw.regex_lf("views", r"(?i)\bviews?\b|\b[bm]illions?\b", HAM)
laughs = lw.regex_lf("laughs", r"(?i)\b(?:lol|omg|wow|xd|haha\w*)\b|:d|:\)|<3", HAM)

# ---------------------------------------------------------------------------------------------------------------------
# Transformation functions.

DECISIVE = ["subscribe", "channel", "check", "http", "please", "love"]

synonyms = text.synonyms(
    {
        "song": ["track", "tune"],
        "video": ["clip"],
        "best": ["greatest", "finest"],
        "awesome": ["amazing", "great"],
        "check out": ["look at", "have a look at"],
        "please": ["plz", "pls"],
        "people": ["ppl", "guys"],
        "you": ["u"],
        "money": ["cash"],
    },
    high=0.5,
    field="text",
)
typos = text.typos(field="text", high=0.1)
swap_words = text.swap_words(field="text")
delete_words = text.delete_words(field="text", protect=DECISIVE)


@lw.transformation_function(field="text")
def without_marks(comment):
    """Leave punctuation out, as many do."""
    return comment.translate(str.maketrans("", "", ",.!?;")) or None


@lw.transformation_function(field="text")
def cut_to_one_word(comment):
    """Keep the first word alone: too much, and here to be found out."""
    return comment.split()[0] if comment.split() else None
