"""Graded urgency of chest X-ray reports: what is abnormal is chronic (known, old, can wait) or emergent.

Two tasks, one hierarchy: ``finding`` (normal or abnormal; its functions are those of ``supervision.py``), and
``urgency`` (chronic or emergent), which arises only where the finding is abnormal. The functions below vote on urgency.
They were written from the text of the training reports and from what the words mean; no gold label was looked at, no
other report read, and nothing was changed once the labels had been scored.

``CUES`` holds them: name -> (the grades it allows, patterns). All but the last few read what a report asserts, as the
preprocessor ``findings`` leaves it. The closing line "no acute disease" rules emergent out and leaves two grades:
chronic, or N/A (nothing abnormal at all).
"""

import re

import labelwright as lw
from labelwright.core.task_graph import TaskGraph
from labelwright.core.tasks import Refines, Task

CHRONIC, EMERGENT, NOT_APPLICABLE = "chronic", "emergent", "N/A"
TASKS = {"finding": ["normal", "abnormal"], "urgency": [CHRONIC, EMERGENT]}
REFINES = {"urgency": ("finding", "abnormal")}

# Asserted in a sentence of the findings or the impression
CUES: dict[str, tuple[list[str], list[str]]] = {
    # Cannot wait
    "airspace": (
        [EMERGENT],
        [
            "consolidat",
            "infiltrat",
            "airspace (?:disease|opaci)",
            r"pneumonia\b",
            "pneumonitis",
            "infectio",
            r"(?:patchy|focal|hazy|confluent|alveolar|new) (?:\w+ ){0,3}opaci",
        ],
    ),
    "fluid_in_lungs": (
        [EMERGENT],
        [
            "edema",
            "congesti",
            "heart failure",
            r"chf\b",
            "cephaliz",
            "fluid overload",
            "vascular engorg",
            "interstitial (?:promin|mark\\w+ (?:are )?(?:promin|increas))",
        ],
    ),
    "effusion_now": ([EMERGENT], ["effusion", "pleural fluid", "hydropneumo", "hemothorax", "empyema"]),
    "air_outside": (
        [EMERGENT],
        ["pneumothora", "pneumomediastin", "free (?:intraperitoneal )?air", "subcutaneous emphysema"],
    ),
    "suspicious_mass": (
        [EMERGENT],
        [
            r"mass(?:es)?\b",
            "metasta",
            "neoplas",
            "malignan",
            "carcinoma",
            "cavit",
            "adenopath",
            "lymphadenop",
            r"(?:non-?calcified|suspicious|indeterminate|new|spiculated) (?:\w+ ){0,3}nodul",
        ],
    ),
    "acute_break": (
        [EMERGENT],
        [
            r"(?:acute|displaced|nondisplaced|new|recent) (?:\w+ ){0,4}(?:fractur|dislocat)",
            r"fractur\w* (?:\w+ ){0,6}acute",
        ],
    ),
    "worries": (
        [EMERGENT],
        [
            "concern",
            "worrisome",
            "suspicio",
            "suspect",
            "cannot (?:be )?(?:rule|exclude)",
            "correct clinical setting",
            "critical result",
            "urgent",
            "emergen",
            "notified",
            "discussed with",
            "called to",
        ],
    ),
    "asks_for_more": (
        [EMERGENT],
        [
            r"recommend",
            "further evaluat",
            r"follow-? ?up",
            r"ct (?:scan|of|chest)",
            r"chest ct\b",
            "dedicated",
            "repeat",
        ],
    ),
    "getting_worse": (
        [EMERGENT],
        [
            r"(?:interval|new|increas\w+|worsen\w*|progress\w+|develop\w*) (?:\w+ ){0,5}"
            r"(?:opaci|infiltrat|effusion|edema|consolidat|atelecta|density|disease)",
            "worsen",
            "interval development",
        ],
    ),
    "misplaced_device": (
        [EMERGENT],
        [
            r"(?:retract|reposition|malposition|advance|fractured lead|kink)",
            r"tip (?:\w+ ){0,6}(?:subclavian|brachiocephalic|axill|azygos|jugular)",
        ],
    ),
    "atelectasis_now": (
        [EMERGENT],
        [
            r"(?:new|acute|lobar|segmental) (?:\w+ ){0,2}atelecta",
            "collapse(?! of the (?:vertebra|t))",
            "volume loss",
            r"atelectasis (?:versus|or|and/or|vs) (?:\w+ ){0,3}(?:infiltrat|pneumon|consolidat|airspace)",
        ],
    ),
    # Can wait
    "healed_infection": (
        [CHRONIC],
        ["granulom", "histoplasm", "calcified (?:\\w+ ){0,3}(?:node|nodul|lymph|hil)", "calcification"],
    ),
    "scarring": ([CHRONIC], ["scar", "fibro", "pleural thicken", "apical (?:cap|thicken)", "bronchiecta", "chronic"]),
    "big_lungs": ([CHRONIC], ["hyper-?(?:expan|inflat|lucen|aerat)", "emphysem", "copd", "flatten", "obstructive"]),
    "worn_spine": (
        [CHRONIC],
        [
            "degenerat",
            "spondyl",
            "osteophyt",
            "syndesmophyt",
            "endplate",
            "spur",
            "arthr",
            "osteopeni",
            "demineral",
            r"\w*scolio",
            r"\w*kypho",
            "curvature",
            "dis[ck] space",
        ],
    ),
    "old_break": (
        [CHRONIC],
        [
            r"(?:old|healed|remote|chronic|prior|stable|unchanged) (?:\w+ ){0,4}(?:fractur|deformit|compression)",
            "posttraumatic",
            r"(?:wedg\w+|compression) (?:\w+ ){0,3}(?:deformit|fractur)",
        ],
    ),
    "old_aorta": ([CHRONIC], ["tortuo", "ecta[ts]i", "athero", "uncoil", "unfold", "calcified aort", "aortic calcif"]),
    "big_heart": (
        [CHRONIC],
        [
            "cardiomegaly",
            "(?:heart|cardiac silhouette) (?:\\w+ ){0,4}enlarge",
            "enlarged (?:heart|cardiac)",
            "upper limits",
            "borderline",
        ],
    ),
    "after_surgery": (
        [CHRONIC],
        [
            r"clips?\b",
            r"(?:post-?|status post )\w*(?:op|surg)",
            "sternotomy",
            "cholecystectomy",
            "cabg",
            "suture",
            "prosthe",
            "arthroplast",
            "hardware",
            "mastectom",
            "resect",
            "bypass",
            r"wires?\b",
            "thoracotomy",
            "stent",
        ],
    ),
    "lives_with_device": (
        [CHRONIC],
        ["pacemaker", "pacer", r"port\b", "port-?a-?cath", "picc", "defibrillator", "aicd", r"icd\b", "generator"],
    ),
    "hernia_or_dome": (
        [CHRONIC],
        [
            "hernia",
            "eventration",
            r"elevat\w+ (?:\w+ ){0,3}(?:hemi)?diaphragm",
            r"(?:hemi)?diaphragm\w* (?:\w+ ){0,3}elevat",
        ],
    ),
    "low_volumes_only": (
        [CHRONIC],
        [
            "low (?:lung )?volume",
            "hypo-?(?:inflat|ventil|aerat|expan)",
            "crowding",
            r"(?:mild|minimal|subsegmental|basilar|linear|discoid|plate-?like) (?:\w+ ){0,3}atelecta",
        ],
    ),
    "as_before": (
        [CHRONIC, NOT_APPLICABLE],
        [
            "stable",
            "unchanged",
            "again (?:seen|noted)",
            "redemonstrat",
            r"old\b",
            "residual",
            "sequela",
            "no (?:significant |interval )*change",
            "as before",
            "previously",
        ],
    ),
    "mild_things": (
        [CHRONIC],
        [
            r"(?:mild|minimal|slight|tiny|small) (?:\w+ ){0,2}"
            r"(?:cardiomegal|scar|degenerat|tortuo|scolio|atelecta|elevat|prominen|hyper)"
        ],
    ),
}

# Anywhere in the report, denied or not: how the radiologist closes
CLOSING: dict[str, tuple[list[str], str]] = {
    "nothing_acute": (
        [CHRONIC, NOT_APPLICABLE],
        r"(?i)IMPRESSION:.*\bno (?:\w+ ){0,4}(?:acute|active)(?:/\w+)? ?(?:\w+ ){0,3}"
        r"(?:disease|process|abnormal|finding|pulmonary|infiltrate)|IMPRESSION:.*negative for acute",
    ),
    "chest_is_stable": ([CHRONIC, NOT_APPLICABLE], r"(?i)\b(?:stable|unchanged) (?:\w+ )?(?:chest|exam|appearance)"),
    "lungs_are_clear": (
        [CHRONIC, NOT_APPLICABLE],
        r"(?i)\b(?:clear lungs|lungs (?:are |appear )?(?:\w+ ){0,3}clear|grossly clear)\b",
    ),
    "calls_it_acute": (
        [EMERGENT],
        r"(?i)IMPRESSION:(?:(?!\bno\b|without|negative|not\b).)*\b(?:acute|active) (?!or\b)",
    ),
}


def graph():
    """Return the two tasks and the hierarchy."""
    tasks = [Task(name, classes) for name, classes in TASKS.items()]
    return TaskGraph(tasks, [Refines(child, *above) for child, above in REFINES.items()])


def functions(findings):
    """Return the functions that vote on urgency; ``findings`` is the preprocessor of ``supervision.py``."""
    closing = [lw.regex_lf(name, pattern, grades, task="urgency") for name, (grades, pattern) in CLOSING.items()]
    return [grade(name, *cue, findings) for name, cue in CUES.items()] + closing


def grade(name, grades, stems, findings):
    """Make a function that allows some grades where the report asserts a word that begins with one of the stems."""
    pattern = re.compile(rf"\b(?:{'|'.join(stems)})")
    said = {"pattern": pattern, "grades": grades}

    @lw.labeling_function(name=name, pre=[findings], resources=said, labels=grades, task="urgency")
    def says_grade(x, pattern, grades):
        return grades if any(pattern.search(part) for part in x.asserted) else None

    return says_grade
