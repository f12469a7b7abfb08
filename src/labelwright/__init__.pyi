from labelwright import analysis as analysis
from labelwright import augmentation as augmentation
from labelwright import core as core
from labelwright import data as data
from labelwright import endmodels as endmodels
from labelwright import engines as engines
from labelwright import functions as functions
from labelwright import labeling as labeling
from labelwright import labelmodels as labelmodels
from labelwright import pipeline as pipeline
from labelwright import testing as testing
from labelwright.analysis import lf_summary as lf_summary
from labelwright.augmentation import transformation_function as transformation_function
from labelwright.core import ABSTAIN as ABSTAIN
from labelwright.core import SoftLabels as SoftLabels
from labelwright.core import Votes as Votes
from labelwright.functions import preprocessor as preprocessor
from labelwright.labeling import apply as apply
from labelwright.labeling import batch_lf as batch_lf
from labelwright.labeling import column_lf as column_lf
from labelwright.labeling import expression_lf as expression_lf
from labelwright.labeling import keyword_lf as keyword_lf
from labelwright.labeling import labeling_function as labeling_function
from labelwright.labeling import lookup_lf as lookup_lf
from labelwright.labeling import nlp_labeling_function as nlp_labeling_function
from labelwright.labeling import regex_lf as regex_lf
from labelwright.labeling import threshold_lf as threshold_lf
from labelwright.labelmodels import LabelModel as LabelModel
from labelwright.labelmodels.dependencies import learn_dependencies as learn_dependencies
from labelwright.labelmodels.findings import diagnose as diagnose
from labelwright.pipeline import Project as Project
from labelwright.pipeline import report as report

__version__: str
__all__: list[str]
