"""Labeling functions for text messages: an advert or a fraud (spam), or somebody who writes to somebody (ham).

They were written from a sample of the messages and from common sense: the corpus is British and Singaporean, from the
2000s, when spam wanted you to call a premium-rate number or to text a word to a short code.
"""

import re

import labelwright as lw

HAM, SPAM = "ham", "spam"

# ---------------------------------------------------------------------------------------------------------------------
# Spam

# British numbers that cost the caller (09..., 087...), are free to call (0800...), or belong to a business.
business_number = lw.regex_lf("business_number", r"\b0(?:9|8|70)\d{2}[ -]?\d{2,3}[ -]?\d{3,5}\b|\b0\d{10}\b", SPAM)

# "Text WIN to 80082", "reply YES", "send STOP to 88222".
short_code = lw.regex_lf(
    "short_code",
    r"\b(?i:te?xt|send|reply|sms)\b.{0,30}\b(?i:to:? (?:no:? ?)?)\d{4,6}\b|\b(?i:reply (?:with )?)[A-Z]{3,}\b",
    SPAM,
)

prize = lw.regex_lf(
    "prize",
    r"(?i)\b(?:prizes?|award(?:ed)?|winner|(?:yo)?u(?:'ve| have)? won|(?:2|to) win|win an?|lottery|jackpot|guaranteed"
    r"|selected|claim)\b",
    SPAM,
)

# The pound sign did not survive in every copy of the corpus, so it may also read "??" or be missing.
price = lw.regex_lf(
    "price", r"(?i)(?:£|\?\?|\bGBP ?)\d+|\b\d+ ?p(?:pm| per| ?/ ?(?:min|msg|wk|day|txt)|\b)|\b\d+ ?pounds?\b|£\d", SPAM
)

small_print = lw.regex_lf(
    "small_print",
    r"(?i)\bt ?(?:&|and|&amp;) ?c'?s?\b|\bterms\b|\bopt[ -]?out\b|\bunsub\w*|\bstop\b.{0,15}\b(?:to|2|txt|text)\b"
    r"|\bp\.?o\.? ?box\b|\b1[68]\+|\bSAE\b|\bper (?:week|msg|min)|\bnetwork (?:min|operator|rate)",
    SPAM,
)

web_address = lw.regex_lf(
    "web_address", r"(?i)\bhttps?[:/]|\bwww\.|\b[\w-]{3,}\.(?:com|co\.uk|net|org|biz|tv|info)\b", SPAM
)

ringtones = lw.keyword_lf(
    "ringtones",
    ["ringtone", "ringtones", "polyphonic", "polys", "mono", "wallpaper", "logo", "logos", "callertune", "nokia",
     "camera phone", "camcorder", "video phone", "bluetooth"],
    SPAM,
)  # fmt: skip

offer = lw.keyword_lf(
    "offer",
    ["free", "offer", "half price", "latest", "cash", "discount", "vouchers", "subscription", "customer", "bonus",
     "gift", "double mins", "unlimited texts", "auction", "mobile update", "holiday"],
    SPAM,
)  # fmt: skip

chat_line = lw.keyword_lf(
    "chat_line",
    ["chat line", "chatlines", "private line", "dating", "date line", "sexy singles", "xxx", "live operator",
     "fantasies", "admirer", "flirt", "hot live"],
    SPAM,
)  # fmt: skip

urgent = lw.regex_lf(
    "urgent",
    r"\bURGENT\b|(?i:\bfinal (?:notice|attempt)|\btrying to contact|\bprivate!|\bexpires?\b|\bidentifier code)",
    SPAM,
)


@lw.labeling_function(labels=[SPAM])
def shouts_and_counts(x):
    """Say spam for a long message with many digits and several words in capitals: adverts fill the 160 characters."""
    digits = sum(c.isdigit() for c in x.text)
    capitals = len(re.findall(r"\b[A-Z]{3,}\b", x.text))
    return SPAM if len(x.text) > 100 and digits >= 8 and capitals >= 2 else None


# ---------------------------------------------------------------------------------------------------------------------
# Ham

ADVERT = re.compile(
    r"(?i)\d{5,}|www\.|http|£|\?\?\d|\bfree\b|\bwin|\bwon\b|\bclaim|\btxt|\bprize|\d+p\b|\bmobile|\breply\b"
)


@lw.preprocessor
def conversation(x):
    """Add ``talk``: the message in lower case where it smells of no advert, and nothing where it does."""
    x.talk = "" if ADVERT.search(x.text) else x.text.lower()
    return x


@lw.labeling_function(pre=[conversation], labels=[HAM])
def short_message(x):
    """Say ham for at most nine words without a smell of advert."""
    return HAM if 1 <= len(x.talk.split()) <= 9 else None


@lw.labeling_function(pre=[conversation], labels=[HAM])
def talks_about_self(x):
    """Say ham where the writer says I, me or my in passing: adverts are about you."""
    return HAM if re.search(r"\b(?:i'?m|i|me|my|i'?ll|i'?ve)\b", x.talk) else None


SLANG = (
    "lol|haha|hahaha|hee|heehee|lor|lar|leh|wat|dun|gonna|wanna|gotta|ya|yup|yeah|nah|oso|juz|btw|k|ok|okie|hmm|hmmm|oh"
)
WARM = "love|luv|miss|babe|baby|dear|hon|darling|sweet|sweetheart|da|bro|dude|mum|mom|dad|sorry|thanks?|thanx"
PLANS = (
    "home|lunch|dinner|tonight|tomorrow|tmr|later|meet|meeting|coming|going|leave|reach|class|work|sleep|sleeping"
    "|wait|waiting|bus|movie"
)


@lw.labeling_function(pre=[conversation], labels=[HAM])
def texting_slang(x):
    """Say ham for the shorthand and the Singlish of friends."""
    return HAM if re.search(rf"\b(?:{SLANG})\b", x.talk) else None


@lw.labeling_function(pre=[conversation], labels=[HAM])
def warm_words(x):
    """Say ham for affection, family and thanks."""
    return HAM if re.search(rf"\b(?:{WARM})\b", x.talk) else None


@lw.labeling_function(pre=[conversation], labels=[HAM])
def makes_plans(x):
    """Say ham for meeting, eating, coming home."""
    return HAM if re.search(rf"\b(?:{PLANS})\b", x.talk) else None


@lw.labeling_function(pre=[conversation], labels=[HAM])
def asks_a_friend(x):
    """Say ham for a question about you."""
    question = r"\b(?:are|do|did|have|will|can|how|what|where|when|why|r|wat) (?:u|you|ya|are|is)\b"
    return HAM if re.search(question, x.talk) else None


# The collector of the corpus replaced amounts and times in some private messages by this mark.
masked_amount = lw.regex_lf("masked_amount", r"<#>", HAM)
