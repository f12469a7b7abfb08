"""Labeling functions over the three most abnormal nuclei ("worst") of a fine-needle aspirate.

What they know is textbook cytology: malignant nuclei are enlarged, vary in size, and have coarse chromatin and
irregular, indented outlines; benign ones are small, round and smooth.

The measurements are in units of the digitised image, so no threshold can be quoted from a textbook. One rule, fixed
before any diagnosis was looked at, sets them all from the 569 unlabelled slides: a sign counts as "marked" in the
highest quarter of slides and as "absent" below the median (for the two weaker benign signs: in the lowest quarter),
because about a third of the masses that are sent to aspiration turn out malignant. Figures are rounded. No diagnosis
was used, so expect each function to be wrong now and then: that is what the label model is for.
"""

from typing import Any

import labelwright as lw

BENIGN, MALIGNANT = "benign", "malignant"

# Marked signs of malignancy: the highest quarter.
large_nuclei = lw.threshold_lf("large_nuclei", "worst_radius", ">=", 19, MALIGNANT)
deep_indentations = lw.threshold_lf("deep_indentations", "worst_concave_points", ">=", 0.16, MALIGNANT)
concave_outline = lw.threshold_lf("concave_outline", "worst_concavity", ">=", 0.38, MALIGNANT)
coarse_chromatin = lw.threshold_lf("coarse_chromatin", "worst_texture", ">=", 30, MALIGNANT)
jagged_outline = lw.threshold_lf("jagged_outline", "worst_smoothness", ">=", 0.146, MALIGNANT)
asymmetric = lw.threshold_lf("asymmetric", "worst_symmetry", ">=", 0.32, MALIGNANT)

# The same signs absent: below the median.
small_nuclei = lw.threshold_lf("small_nuclei", "worst_radius", "<", 15, BENIGN)
few_indentations = lw.threshold_lf("few_indentations", "worst_concave_points", "<", 0.10, BENIGN)

# Weaker signs of a benign mass: the lowest quarter.
fine_chromatin = lw.threshold_lf("fine_chromatin", "worst_texture", "<", 21, BENIGN)
round_outline = lw.expression_lf("round_outline", "worst_compactness < 0.147 and worst_symmetry < 0.32", BENIGN)


@lw.labeling_function(labels=[BENIGN])
def small_and_smooth(x: Any) -> str | None:
    """No single sign is telling, but a small nucleus without hollows is seldom malignant: both below the median."""
    return BENIGN if x.worst_area < 690 and x.worst_concavity < 0.23 else None
