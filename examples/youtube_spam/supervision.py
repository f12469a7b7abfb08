"""Labeling functions for comments under music videos: promotion (spam) or conversation (ham).

They were written from the unlabelled comments of four videos and from common sense; the comments under the fifth
video, the test set, were never read. Each looks for one plain cue and does not chase spellings: "suscribe" and
"chek my chanel" are left to the end model, which learns them from the company they keep.

A function that finds nothing to say returns ``None``: it abstains. Most are patterns, which run together as one pass
over the data. Those that look for ham need one more idea: adverts praise the song too, so a friendly word is evidence
only where the comment asks for nothing. The preprocessor ``shape`` works that out once per comment, for all of them.
"""

import re

import polars as pl

import labelwright as lw

HAM, SPAM = "ham", "spam"

# ---------------------------------------------------------------------------------------------------------------------
# Spam: the comment wants its reader to go somewhere, or to do something for its author.

subscribe = lw.keyword_lf("subscribe", ["subscribe", "subscribers"], SPAM)

check_out = lw.regex_lf("check_out", r"(?i)\bcheck\b.*\bout\b", SPAM)

# What the Share button writes; people post it by the hundred.
shared_stub = lw.regex_lf("shared_stub", r"(?i)this (?:video|playlist) on youtube", SPAM)

my_channel = lw.keyword_lf(
    "my_channel",
    ["my channel", "my youtube channel", "my video", "my videos", "my page", "my music", "my song", "my new song"],
    SPAM,
)

link = lw.regex_lf("link", r"(?i)https?://|www\.|\.com\b", SPAM)

please = lw.keyword_lf("please", ["please", "plz", "pls"], SPAM)

begs_for_likes = lw.regex_lf("begs_for_likes", r"(?i)\blike this (?:comment|page)|\bthumbs up\b", SPAM)

call_to_action = lw.keyword_lf(
    "call_to_action", ["visit", "click", "download", "vote", "sign up", "register", "share"], SPAM
)

money = lw.keyword_lf("money", ["money", "cash", "earn", "paypal", "free", "giveaway", "gift cards"], SPAM)

social_network = lw.keyword_lf("social_network", ["facebook", "twitter", "instagram", "soundcloud", "follow me"], SPAM)

# Few people write an essay to say that they like a song.
essay = lw.expression_lf("essay", pl.col("text").str.count_matches(r"\S+") > 45, SPAM)

# ---------------------------------------------------------------------------------------------------------------------
# Ham: the comment is about the song, its video or its performers.

REQUEST = re.compile(
    r"https?:|www\.|\.com\b|\bsubscribe|\bcheck|channel|\bplease\b|\bpl[sz]\b|\bmy (?:video|page|music)|on youtube:",
    re.IGNORECASE,
)


@lw.preprocessor
def shape(x):
    """Add ``words`` (how many) and ``asks`` (does it carry a link or a request?) to a comment."""
    x.words = len(x.text.split())
    x.asks = REQUEST.search(x.text) is not None
    return x


def says(x, pattern):
    """Whether a comment that asks for nothing matches ``pattern``."""
    return not x.asks and re.search(pattern, x.text, re.IGNORECASE) is not None


# What the page itself says: performer and song of each video. A small knowledge base.
ABOUT = {
    "Psy": r"\bpsy\b|gangnam",
    "KatyPerry": r"\bkaty|\bperry|\broar",
    "LMFAO": r"\blmfao|party rock|\bshuffl",
    "Eminem": r"\beminem|\brihanna|love the way you lie",
    "Shakira": r"\bshakira|\bwaka\b|\bafrica|world ?cup",
}


@lw.labeling_function(pre=[shape], resources={"about": ABOUT}, labels=[HAM])
def names_the_video(x, about):
    """Say ham where the comment names the performer or the song of the video that it stands under."""
    pattern = about.get(x.video)
    return HAM if pattern and says(x, pattern) else None


@lw.labeling_function(pre=[shape], labels=[HAM])
def short_comment(x):
    """Say ham for at most five words without a request: "awesome", "never gets old"."""
    return HAM if x.words <= 5 and not x.asks else None


@lw.labeling_function(pre=[shape], labels=[HAM])
def judges_the_music(x):
    """Say ham for an opinion about the song, the video, the dance."""
    opinion = "love|like|hate|best|great|good|awesome|amazing|epic|beautiful|favou?rite|cool|worst|funny|this"
    music = "song|video|music|dance|lyrics|beat|voice"
    return HAM if says(x, rf"\b(?:{opinion}) (?:\w+ ){{0,2}}(?:{music})s?\b") else None


@lw.labeling_function(pre=[shape], labels=[HAM])
def declares_feelings(x):
    """Say ham for love or hate of it, her, him, you."""
    return HAM if says(x, r"\b(?:love|miss|hate) (?:it|this|that|you|her|him|the)\b") else None


@lw.labeling_function(pre=[shape], labels=[HAM])
def counts_views(x):
    """Say ham for talk about how often the video was seen: a sport under the famous ones."""
    return HAM if says(x, r"\bviews?\b|\b[bm]illions?\b") else None


@lw.labeling_function(pre=[shape], labels=[HAM])
def looks_back(x):
    """Say ham for memories, and for people who still watch after all these years."""
    return HAM if says(x, r"\b(?:old|remember|years?|still|201\d)\b") else None


@lw.labeling_function(pre=[shape], labels=[HAM])
def laughs_or_marvels(x):
    """Say ham for laughter, wonder and hearts."""
    return HAM if says(x, r"\b(?:lol|omg|wow|xd|haha\w*)\b|:D|:\)|<3|[❤♥]") else None
