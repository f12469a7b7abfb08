"""Labeling functions for chest X-ray reports: does the report describe anything wrong (abnormal), or nothing (normal).

They read the report's text and nothing else, and were written on the training split, as an assistant to a radiologist
would write them: from reports and from what is known about how reports are worded. "Normal" is strict, as in the
indexing of the collection: an old granuloma or a worn spine makes a report abnormal, even where nothing is acute. So
no function takes the usual closing line, "no acute cardiopulmonary abnormality", at its word.

Reports mostly list what is *not* there. The preprocessor ``findings`` drops the history, cuts the report into
sentences, and removes what is denied in each (after NegEx: Chapman et al., J. Biomed. Inform. 34, 2001). Functions
that look for an abnormality read only what is left.
"""

import re

import labelwright as lw

NORMAL, ABNORMAL = "normal", "abnormal"

# ---------------------------------------------------------------------------------------------------------------------
# What the report asserts

# A denial reaches from its cue to the end of the sentence, or to a word that turns the sentence round.
DENIED_AHEAD = re.compile(
    r"""
    \b(?: no | not | non | nor | never | without | denies | resolved | rather\ than
        | negative\ for | free\ of | clear\ of | absence\ of | removal\ of )\b
    .*?
    (?= \b(?: but | however | except | although | though | apart\ from | other\ than | aside\ from | which | with
           | there\ (?: is | are ) )\b
      | ; | $ )
    """,
    re.VERBOSE,
)
# "No change in the granuloma" does not deny the granuloma.
NOT_A_DENIAL = re.compile(r"\b(?:no|without) (?:significant |interval |definite )*(?:change|increase)\b")
# "Effusion is not seen", "pneumonia has resolved": the whole sentence is denied.
DENIED_BEHIND = re.compile(
    r"\b(?:not|no longer) (?:\w+ )?(?:seen|identified|visualized|demonstrated|present)|\bresolved\b"
)
# "The bony structures are intact", "heart size is normal", "trachea is midline": named only to say that all is well.
WELL = re.compile(
    r"""
    \b(?: (?<! limits\ of\ ) normal(?: ly )? | unremarkable | intact | clear | negative | not\ enlarged | midline
        | within\ (?: the\ )? (?: normal\ )? limits
        | well [ -] (?: aerated | expanded | inflated )
        | (?: stable | unchanged )\ (?: \w+\  )? (?: chest | silhouette | heart | exam\w* ) )\b
    """,
    re.VERBOSE,
)
# How the picture was taken, not what it shows.
TECHNIQUE = re.compile(r"\b(?:views?|radiographs?|examination|technique|projection|comparison|compared|images?)\b")


@lw.preprocessor
def findings(x):
    """Add ``sentences`` and ``asserted`` (each sentence less what it denies) to a report."""
    text = re.sub(r"\bX{4}\b|<BR>", " ", x.text)  # XXXX stands for a word that de-identification removed
    body = text[max(text.find("FINDINGS:"), 0) :]
    cut = re.split(r"\.(?!\d)|\bFINDINGS:|\bIMPRESSION:|(?<=\s)\d\.\s", body)
    x.sentences = [re.sub(r"\s+", " ", s).strip().lower() for s in cut if re.search(r"[A-Za-z]", s)]
    x.asserted = [
        "" if DENIED_BEHIND.search(s) else DENIED_AHEAD.sub(" ", NOT_A_DENIAL.sub(" ", s)) for s in x.sentences
    ]
    return x


def sign(name, *stems):
    """Make a function that says abnormal where the report asserts a word that begins with one of the stems."""
    pattern = re.compile(rf"\b(?:{'|'.join(stems)})")

    @lw.labeling_function(name=name, pre=[findings], resources={"pattern": pattern}, labels=[ABNORMAL])
    def says_abnormal(x, pattern):
        return ABNORMAL if any(pattern.search(part) for part in x.asserted) else None

    return says_abnormal


# Lungs and pleura
opacity = sign(
    "opacity", "opaci", "infiltrat", "consolidat", "airspace disease", "densit", r"pneumonia\b",
    "interstitial (?:mark|promin|dis|change|lung)",
)  # fmt: skip
effusion = sign("effusion", "effusion", "pleural fluid", "blunt", "pneumothora")
atelectasis_or_scar = sign(
    "atelectasis_or_scar", "atelecta", "scar", "fibro", "band-?like", "streaky", "volume loss", "thickening"
)
granuloma = sign("granuloma", "granulom", "calcifi", "histoplasm")
nodule = sign(
    "nodule", "nodul", r"mass(?:es)?\b", "lesion", "metasta", "neoplas", "malignan", "carcinoma", "adenopath",
    "lymphadenop", "cavit",
)  # fmt: skip
hyperexpansion = sign(
    "hyperexpansion", "hyper-?(?:expan|inflat|lucen|aerat)", "emphysem", "copd", "flatten", "obstructive"
)
low_volumes = sign(
    "low_volumes", "low (?:lung )?volume", r"lung volumes are (?:\w+ )?low", "hypo-?(?:inflat|ventil|aerat|expan)",
    "crowding", "poor inspir",
)  # fmt: skip
congestion = sign(
    "congestion", "edema", "congesti", "engorge", "heart failure", r"chf\b", "cephaliz", r"bronch\w+ (?:cuff|thick)",
    "vascular promin",
)  # fmt: skip

# Heart, aorta, diaphragm, bones
cardiomegaly = sign("cardiomegaly", "cardiomegaly", "enlarge", "borderline", "upper limits", "prominen")
aorta = sign("aorta", "tortuo", "ecta[ts]i", "athero", "uncoil", "unfold", "aneurysm", "dilat")
hernia = sign("hernia", "hernia(?! repair)", "eventration", "hemidiaphragm", r"elevat\w+ (?:right |left )?diaphragm")
degenerative = sign(
    "degenerative", "degenerat", "spondyl", "osteophyt", "syndesmophyt", "endplate", "spur", "osteoarthr", "arthriti",
    "osteopeni", "dis[ck] space", "demineral", "hypertroph",
)  # fmt: skip
spinal_curve = sign("spinal_curve", r"\w*scolio", r"\w*kypho", "curvature", "compression", "wedging", "anterolisth")
fracture = sign("fracture", "fractur", "deformit", "dislocat", "healed", "posttraumatic")

# What medicine left behind
device = sign(
    "device", "pacemaker", "pacer", "catheter", "picc", r"port\b", "port-?a-?cath", r"tubes?\b", r"leads?\b", "stent",
    "defibrillator", r"generator\b", "aicd", r"icd\b", "(?:venous|central) line", r"tip\b",
)  # fmt: skip
surgery = sign(
    "surgery", r"clips?\b", r"\w*surg", "post-?op", "sternotomy", "cholecystectomy", "cabg", "suture", "prosthe",
    "arthroplast", "hardware", "mastectom", "resect", "bypass", r"fusion\b", r"wires?\b", "thoracotomy",
    "foreign bod", r"implants?\b",
)  # fmt: skip

# How people write about a finding, whichever it is
wants_follow_up = sign(
    "wants_follow_up", "recommend", r"consider\b", "further evaluat", "follow-? ?up", "suspicio", "suggest", "concern",
    "may (?:be|represent|reflect)", "correlat", "probabl", "possibl", "likely",
)  # fmt: skip
chronic = sign(
    "chronic",
    "chronic",
    r"old\b",
    "sequela",
    "prior granul",
    "redemonstrat",
    "again (?:seen|noted)",
    "residual",
    "remote",
)
graded = sign("graded", r"(?:mild|minimal|moderate|severe|small|tiny|subtle|scattered|multiple|patchy)(?:ly)?\b")


@lw.labeling_function(pre=[findings], labels=[ABNORMAL])
def long_report(x):
    """Say abnormal for more than nine sentences."""
    return ABNORMAL if len(x.sentences) > 9 else None


# ---------------------------------------------------------------------------------------------------------------------
# Nothing wrong

whole_chest_normal = lw.regex_lf(
    "whole_chest_normal",
    r"(?i)IMPRESSION:[\s\d.]*(?:normal|negative|unremarkable|clear) (?:\w+ ){0,4}(?:chest|exam|study|lung|radiograph)"
    r"|IMPRESSION:[\s\d.]*no (?:radiographic )?(?:evidence of )?(?:significant )?abnormalit",
    NORMAL,
)


def settled(sentence, asserted):
    """Whether a sentence leaves nothing to worry about: it calls something well, names the technique, or denies."""
    # What is left of a denial is a stump: "there is", "visualized osseous structures of the thorax are".
    stump = asserted != sentence and len(asserted.split()) <= 7
    return bool(stump or WELL.search(asserted) or TECHNIQUE.search(asserted))


@lw.labeling_function(pre=[findings], labels=[NORMAL])
def nothing_but_denials(x):
    """Say normal where every sentence is settled."""
    return NORMAL if all(map(settled, x.sentences, x.asserted)) else None


ORGANS = {
    "heart": r"\b(?:heart|cardi|mediastin)",
    "lungs": r"\b(?:lung|pulmonary|airspace|effusion)",
    "bones": r"\b(?:bon[ey]|osseous|skelet|rib|spine)",
}


@lw.labeling_function(pre=[findings], labels=[NORMAL])
def every_organ_well(x):
    """Say normal where heart, lungs and bones are each named in a sentence that is well or denies something."""
    well = [s for s, part in zip(x.sentences, x.asserted, strict=True) if settled(s, part)]
    named = all(any(re.search(organ, s) for s in well) for organ in ORGANS.values())
    return NORMAL if named and len(well) >= len(x.sentences) - 1 else None
