"""Labeling functions for comments under music videos: promotion (spam) or conversation (ham).

They were written from the comments of four videos and from common sense; the comments under the fifth video, the test
set, were never read. Each looks for one plain cue and does not chase spellings: "suscribe" and
"chek my chanel" are left to the end model, which learns them from the company they keep.

A function that finds nothing to say returns ``None``: it abstains. Most are patterns, which run together as one pass
over the data. Those that look for ham need one more idea: adverts praise the song too, so a friendly word is evidence
only where the comment asks for nothing. The preprocessor ``conversation`` works that out once per comment for them all.
"""

import re

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

# ---------------------------------------------------------------------------------------------------------------------
# Ham: the comment is about the song, its video or its performers.

# Wider than the functions above: to abstain costs little, to call an advert ham teaches the end model a mistake.
REQUEST = re.compile(
    r"""
    https?: | www\. | \w\.(?:com|org|net|pl)\b | watch\?v | on\ youtub                  # somewhere to go
    | facebook | instagram | twitter | channel | \bmy\ (?:new\ )?(?:video|page|music|song)
    | \bplease\b | \bpl[sz]+\b | \bcheck | follow | \bshare | \bvote | \bvisit             # something to do
    | \bsub(?:s|scri\w*)?\b | \bs\w{0,2}scri | \blike\ this\b | \ba\ like\b | thumbs
    """,
    re.IGNORECASE | re.VERBOSE,
)


@lw.preprocessor
def conversation(x):
    """Add ``talk``: the comment in lower case where it asks for nothing, and nothing where it does."""
    x.talk = "" if REQUEST.search(x.text) else x.text.lower()
    return x


# What the page itself says: performer and song of each video. A small knowledge base.
ABOUT = {
    "Psy": r"\bpsy\b|gangnam",
    "KatyPerry": r"\bkaty|\bperry|\broar",
    "LMFAO": r"\blmfao|party rock|\bshuffl",
    "Eminem": r"\beminem|\brihanna|love the way you lie",
    "Shakira": r"\bshakira|\bwaka\b|\bafrica|world ?cup",
}


@lw.labeling_function(pre=[conversation], resources={"about": ABOUT}, labels=[HAM])
def names_the_video(x, about):
    """Say ham where the comment names the performer or the song of the video that it stands under."""
    return HAM if x.video in about and re.search(about[x.video], x.talk) else None


@lw.labeling_function(pre=[conversation], labels=[HAM])
def short_comment(x):
    """Say ham for at most five words without a request: "awesome", "never gets old"."""
    return HAM if 1 <= len(x.talk.split()) <= 5 else None


@lw.labeling_function(pre=[conversation], labels=[HAM])
def judges_the_music(x):
    """Say ham for an opinion about the song, the video, the dance."""
    opinion = "love|like|hate|best|great|good|awesome|amazing|epic|beautiful|favou?rite|cool|worst|funny|this"
    music = "song|video|music|dance|lyrics|beat|voice"
    return HAM if re.search(rf"\b(?:{opinion}) (?:\w+ ){{0,2}}(?:{music})s?\b", x.talk) else None


@lw.labeling_function(pre=[conversation], labels=[HAM])
def declares_feelings(x):
    """Say ham for love or hate of it, her, him, you."""
    return HAM if re.search(r"\b(?:love|miss|hate) (?:it|this|that|you|her|him|the)\b", x.talk) else None


@lw.labeling_function(pre=[conversation], labels=[HAM])
def counts_views(x):
    """Say ham for talk about how often the video was seen: a sport under the famous ones."""
    return HAM if re.search(r"\bviews?\b|\b[bm]illions?\b", x.talk) else None


@lw.labeling_function(pre=[conversation], labels=[HAM])
def laughs_or_marvels(x):
    """Say ham for laughter, wonder and hearts."""
    return HAM if re.search(r"\b(?:lol|omg|wow|xd|haha\w*)\b|:d|:\)|<3|[❤♥]", x.talk) else None
