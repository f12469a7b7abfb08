"""Questions in two levels: functions for the 50 fine classes, beside 68 published ones for the 6 coarse classes.

The functions were written from the text of the training questions and from the published description of the taxonomy
(Li and Roth, "Learning question classifiers", COLING 2002), without a look at any gold label or at the other splits,
and were not changed once they had been scored. Each votes on one fine task; that the question is then of that coarse
class follows from the hierarchy.
"""

from __future__ import annotations

import labelwright as lw
from labelwright.core.task_graph import TaskGraph
from labelwright.core.tasks import Refines, Task
from labelwright.labeling import LabelingFunction

COARSE = ["DESC", "ENTY", "HUM", "ABBR", "LOC", "NUM"]
FINE = {
    "DESC": ["def", "desc", "manner", "reason"],
    "ENTY": [
        "animal", "body", "color", "cremat", "currency", "dismed", "event", "food", "instru", "lang", "letter",
        "other", "plant", "product", "religion", "sport", "substance", "symbol", "techmeth", "termeq", "veh", "word",
    ],
    "HUM": ["desc", "gr", "ind", "title"],
    "ABBR": ["abb", "exp"],
    "LOC": ["city", "country", "mount", "other", "state"],
    "NUM": [
        "code", "count", "date", "dist", "money", "ord", "other", "perc", "period", "speed", "temp", "volsize",
        "weight",
    ],
}  # fmt: skip

# What a question asks for stands after "what" or "which", or after "name the", with a few words between.
ASKED = (
    r"(?:\b(?:what|which)\b(?: (?:is|are|was|were|'s))?|^name(?: of)?)(?: (?:the|a|an"
    r"|of the following))? (?:name of (?:the |a )?)?(?:[\w.'-]+ ){0,3}?"
)
# The same, the word itself next to what asks for it.
NEXT = r"\b(?:what|which) "
QUOTED = r"(?:``|`|'')"

# Name of the function -> (task, class, pattern); questions are in lower case, with blanks between words and signs.
PATTERNS: dict[str, tuple[str, str, str]] = {
    # Abbreviations
    "stands_for": ("ABBR", "exp", r"\b(?:stands?|short) for \?|^what (?:is|does|do) .*\bstand for\b"),
    "acronym_is_for": ("ABBR", "exp",
        r"\b(?:abbreviation|acronym) (?:for|of) what\b|^what (?:is|does) [a-z]\.(?:[a-z]\.)+ (?:mean"
        r"|stand)"),
    "full_form": ("ABBR", "exp",
        r"\b(?:full form|spelled out|initials .* (?:mean|represent))\b|\b(?:acronym"
        r"|abbreviation) \S+ (?:mean|stand)"),
    "letters_mean": ("ABBR", "exp",
        r"^what do (?:the )?(?:letters|initials)\b|^what does [b-df-hj-np-tv-z]{2,4} (?:mean|stand)"),
    "abbreviation_of": ("ABBR", "abb",
        r"\b(?:abbreviation|acronym|abbreviated (?:form|term|name|expression))\b.*\b(?:of|for|used)\b"),
    "how_abbreviated": ("ABBR", "abb",
        r"^how (?:is|do you|would you|can) .*\babbreviate|^what is .* abbreviated\b"),
    # Descriptions
    "what_is_a": ("DESC", "def", r"^what (?:is|are|was|were|'s) (?:an? )?(?:[\w.-]+ ){1,2}\?$"),
    "what_is_article": ("DESC", "def",
        r"^what (?:is|was|'s) an? (?!fear|person|group|good|way|word|term|common|female|male)[\w' -]+ \?$"),
    "what_is_quoted": ("DESC", "def", rf"^what (?:is|are|was|were|'s) (?:an? |the )?{QUOTED}"),
    "definition": ("DESC", "def", r"\b(?:definitions?|define|meaning|meant)\b"),
    "does_it_mean": ("DESC", "def",
        r"^what (?:does|do|did|is) .*\b(?:mean|signify|meant by)\b(?! (?:to|for))"),
    "difference": ("DESC", "desc", r"\bdifferences? between\b|\bdiffer(?:s|ent)? from\b|\bcompare\b"),
    "origin": ("DESC", "desc", r"\b(?:origins?|history|story|legend|background) (?:of|behind)\b|\boriginate"),
    "name_origin": ("DESC", "desc",
        r"\bwhere did .*\b(?:come|came|originate)\b|\bget (?:its|their|his|her) name\b|\bderived\b"),
    "purpose": ("DESC", "desc",
        r"^what (?:is|are|was|were|'s) the (?:purpose|function|role|effects?|nature|benefits?|advantages?"
        r"|results?|outcome|significance|consequences?|importance|contents?|mission|process"
        r"|qualifications?|requirements?|conditions?|distinction|motive|concept|theory)\b"),
    "what_does_do": ("DESC", "desc",
        r"^what (?:does|do|did|should|must|can|would) .*\b(?:do|look like|happen|contain|consist|affect"
        r"|happens|lead to|used for|say|believe)\b"),
    "what_happens": ("DESC", "desc",
        r"^what (?:happen(?:s|ed)|occurs|'s happening)\b|^what (?:is|was|'s) it like\b"),
    "known_for": ("DESC", "desc", r"\b(?:known|famous|remembered|noted) for\b|\bclaim to fame\b"),
    "information": ("DESC", "desc",
        r"\b(?:information|facts|details|statistics|something) (?:about|on|for|regarding)\b|\btell me\b"),
    "how_was_it": ("DESC", "desc",
        r"^how (?:is|are|was|were|has|have|come) (?!.*(?:made|named|formed|called|born|used|pronounced"
        r"|measured|produced|built))"),
    "how_do": ("DESC", "manner",
        r"^how (?:do|can|could|should|would|will) (?:you|i|one|we|they|someone|people)\b"),
    "how_does": ("DESC", "manner", r"^how (?:does|did|do|can|could|would|will|should|must) \b"),
    "how_made": ("DESC", "manner",
        r"^how (?:is|are|was|were) .*\b(?:made|formed|produced|built|named|done|pronounced|measured"
        r"|calculated|created|determined|manufactured|killed|used)\b"),
    "how_to": ("DESC", "manner",
        r"\bhow (?:to|you can)\b|\b(?:way|ways|procedure|steps|method|process) (?:to|of|for) \w+"),
    "why": ("DESC", "reason", r"^why\b|, why\b|\bwhy (?:did|do|does|is|are|was|were|can)\b"),
    "reason": ("DESC", "reason", r"\b(?:reasons?|purpose|excuse)\b"),
    "causes": ("DESC", "reason",
        r"^what (?:causes?|caused|makes?|made)\b|\bcauses? (?:of|for)\b|\bfrom what cause\b"),
    "how_come": ("DESC", "reason", r"\bhow come\b|\bowe its\b"),
    # Entities
    "animal_asked": ("ENTY", "animal",
        rf"{ASKED}(?:animals?|mammals?|birds?|fish|dogs?|cats?|insects?|species|creatures?|horses?|breeds?"
        r"|primates?|reptiles?|snakes?|spiders?|sharks?|whales?|rodents?|bears?|tigers?|monkeys?|ravens?"
        r"|orca|pets?)\b"),
    "animal_kind": ("ENTY", "animal",
        r"\b(?:kind|type|breed|species) of (?:animal|dog|cat|bird|fish|horse|insect|creature|bear|snake)"),
    "pet_name": ("ENTY", "animal",
        r"\bnames? .*\b(?:dog|cat|horse|pet|parrot|monkey|whale|tiger|pig|bull|cow)s?\b"),
    "extinct": ("ENTY", "animal",
        r"\b(?:extinct|domesticated|flying mammal|lays? eggs|predators?|endangered)\b"),
    "body_asked": ("ENTY", "body",
        rf"{ASKED}(?:part of the (?:body|human|eye|brain)|organs?|bones?|muscles?|glands?|body parts?"
        r"|nerves?|arter(?:y|ies)|veins?|ears?|eyes?|tooth|teeth|fingers?|toes?|limbs?|joints?"
        r"|internal organ|facial feature)\b"),
    "body_part": ("ENTY", "body",
        r"\b(?:part of the|in the|of the|the human) body\b|\bbody part\b|\b(?:bone|muscle|organ"
        r"|gland) (?:is|in|of)\b"),
    "color_asked": ("ENTY", "color", rf"{NEXT}(?:two |three |four )?colou?rs?\b|\bwhat colou?rs?\b"),
    "color_of": ("ENTY", "color", r"\bcolou?rs? (?:of|is|are|was|were|do|does|make)\b"),
    "work_asked": ("ENTY", "cremat",
        rf"{ASKED}(?:books?|novels?|films?|movies?|songs?|plays?|musicals?|albums?|poems?|paintings?|opera"
        r"|tv (?:series|show|program|sitcom)|sitcom|shows?|series|magazines?|newspapers?|comic strips?"
        r"|cartoons?|ballet|hits?|trilogy|stories|story|tale|sequel|biography|single|tune|record|hymn"
        r"|nursery rhyme|bestseller|soap opera|play|statue|sculpture|column)\b"),
    "work_made": ("ENTY", "cremat",
        r"^what .*\b(?:did .* (?:write|wrote|publish|compose|paint|star in)|starred|featured|premiered"
        r"|was based on|stars|narrated)\b"),
    "in_what_film": ("ENTY", "cremat",
        r"\bin (?:what|which) (?:book|film|movie|novel|play|tv|show|song|opera|musical|series)\b"),
    "title_of": ("ENTY", "cremat",
        r"\b(?:titled?|theme song|title) (?:of|is|was)\b|\bwhat (?:book|film|movie|song)\b"),
    "written_by": ("ENTY", "cremat",
        r"^what .*\b(?:written|directed|recorded|sung|painted|composed|published) by\b"),
    "currency_asked": ("ENTY", "currency",
        r"\bcurrenc(?:y|ies)\b|\b(?:monetary unit|legal tender|money (?:is|do|does).* used"
        r"|type of money)\b"),
    "currency_used": ("ENTY", "currency",
        rf"{ASKED}(?:monetary|currency|unit of money|coins? (?:of|used))\b"),
    "disease_asked": ("ENTY", "dismed",
        rf"{ASKED}(?:diseases?|illness(?:es)?|medicines?|drugs?|virus(?:es)?|cures?|vaccines?|treatments?"
        r"|medical conditions?|conditions?|symptoms?|disorders?|syndromes?|ailments?|cancers?|phobias?"
        r"|infection|medication)\b"),
    "fear_of": ("ENTY", "dismed", r"^what(?: is|'s) (?:a |the )?fear of\b|\bfear of .* called\b"),
    "disease_word": ("ENTY", "dismed",
        r"\b(?:what|which) .*\b(?:disease|medicine|neurological|aids|cancer|malady|used to treat|drug)\b"),
    "event_asked": ("ENTY", "event",
        rf"{ASKED}(?:wars?|battles?|events?|holidays?|festivals?|revolts?|revolution|games held|conflict"
        r"|disasters?|incident|race|celebration|occurrence|tournament|olympics|riots?|massacre|ceremony"
        r"|crisis|storm|hurricane|earthquake)\b"),
    "event_word": ("ENTY", "event",
        r"^what .*\b(?:took place|was held|broke out|was fought|celebrated on|is celebrated|occurred)\b"),
    "food_asked": ("ENTY", "food",
        rf"{ASKED}(?:foods?|drinks?|fruits?|beers?|wines?|cocktails?|vegetables?|meats?|soft drinks?"
        r"|cereals?|dish(?:es)?|sauces?|cheeses?|spices?|cand(?:y|ies)|condiments?|snacks?|beverages?"
        r"|liqueurs?|ingredients?|soups?|sandwich|bread|meal|dessert|cookies?|liquor|crops?|nuts?"
        r"|flavou?r)\b"),
    "food_eaten": ("ENTY", "food",
        r"^what (?:do|does|did) .*\b(?:eat|drink|eats|feed on)\b|\bmade (?:from|of|with) (?:gin|vodka|rum"
        r"|milk|flour)\b|\b(?:mixing|main ingredient)\b"),
    "instrument_asked": ("ENTY", "instru", r"\b(?:musical )?instruments?\b"),
    "instrument_played": ("ENTY", "instru", r"\bwhat .*\b(?:instrument|percussion|woodwind|brass) .*\bplay"),
    "language_asked": ("ENTY", "lang", r"\b(?:languages?|dialects?|tongue)\b"),
    "language_spoken": ("ENTY", "lang", rf"{ASKED}(?:languages?|spoken)\b|\bis spoken\b|\bspeak in\b"),
    "letter_asked": ("ENTY", "letter", rf"{ASKED}(?:letters?|vowels?|consonants?)\b"),
    "letter_word": ("ENTY", "letter",
        r"\bwhat .*\bletters? (?:of|in|is|are|appears?|comes?)\b|\b(?:the alphabet|scrabble"
        r"|typewriter keys?)\b"),
    "plant_asked": ("ENTY", "plant",
        rf"{ASKED}(?:plants?|flowers?|trees?|weeds?|herbs?|grass|shrub|leaves|leaf|roses?|fern|cactus)\b"),
    "state_flower": ("ENTY", "plant",
        r"\b(?:state|national) (?:flower|tree)\b|\bwhat .*\b(?:flower|tree) (?:is|was|gives|has"
        r"|provides)\b"),
    "product_asked": ("ENTY", "product",
        rf"{ASKED}(?:products?|brands?|toys?|cigarettes?|clothing|razor|computers?|software|weapons?|watch"
        r"|soap|shoes?|operating system|dolls?|gifts?|machine|device|appliance|browser|perfume|cars? part"
        r"|garment|stamp|jewel|gadget|merchandise|web ?sites?)\b"),
    "product_slogan": ("ENTY", "product",
        r"^what .*\b(?:slogan|advertis\w+|sold|sells?|marketed|manufactured|brand|commercial"
        r"|costs about)\b"),
    "religion_asked": ("ENTY", "religion", r"\b(?:religions?|religious|faith|denomination|sect)\b"),
    "religion_word": ("ENTY", "religion", rf"{ASKED}(?:religions?|church|faiths?|beliefs?|gods?)\b"),
    "sport_asked": ("ENTY", "sport",
        rf"{ASKED}(?:sports?|games?|card game|board game|martial art|event (?:in|of) (?:the )?olympic"
        r"|position|pastime|dice game)\b"),
    "sport_played": ("ENTY", "sport",
        r"^what .*\b(?:played (?:at|with|on|by|in)|do you play|plays? what|is played|umpire|referee|scrum"
        r"|olympic)\b"),
    "substance_asked": ("ENTY", "substance",
        rf"{ASKED}(?:elements?|metals?|chemicals?|gas(?:es)?|liquids?|fuels?|minerals?|substances?"
        r"|materials?|acids?|oil|fabric|fibers?|stone|gem|alloy|explosives?|compound|hydrocarbon|paint"
        r"|powder|wood|matter|proteins?|vitamins?|hormones?|enzymes?)\b"),
    "made_of": ("ENTY", "substance",
        r"\b(?:made|composed|consist|comprised|make|built) (?:out )?(?:of|from) (?:what )?\?"
        r"|\bwhat .*\b(?:made of|made from|made out of|make up|composed of)\b"),
    "symbol_asked": ("ENTY", "symbol", r"\b(?:symbols?|chemical symbol|logo|emblem|sign)\b"),
    "symbol_of": ("ENTY", "symbol",
        rf"{ASKED}(?:symbols?|signs?|zodiac|astrological sign|emblem|mark)\b|\bsymbol(?:izes?)? (?:of"
        r"|for)\b"),
    "technique_asked": ("ENTY", "techmeth",
        rf"{ASKED}(?:techniques?|methods?|procedures?|technolog(?:y|ies)|process(?:es)?|art of|strategy"
        r"|exercises?|way|therapy|swimming stroke|test|format)\b"),
    "technique_used": ("ENTY", "techmeth",
        r"\b(?:technique|method|procedure|best way|scientific method)\b|\bwhat (?:is|was) used to\b"),
    "term_for": ("ENTY", "termeq",
        r"\b(?:term|word|name|expression) (?:for|used|given|meaning|that means)\b"),
    "do_you_call": ("ENTY", "termeq",
        r"^what (?:do|does|did) (?:you|we|they|one|people|the \w+) call\b|^what (?:is|are|was|were"
        r"|'s) .*\b(?:called|known as|termed|referred to as)\b(?! for)"),
    "other_name": ("ENTY", "termeq",
        r"\b(?:another|other|common|scientific|latin|technical|brand) (?:name|term|word)\b|\b(?:synonym"
        r"|nickname|also called|known by|how do you say|fancy word)\b|\bin (?:spanish|french|german|latin"
        r"|italian|japanese|chinese|english)\b"),
    "called_what": ("ENTY", "termeq", r"\b(?:is|are|was|also|been) called what\b|\bcalled \?$"),
    "vehicle_asked": ("ENTY", "veh",
        rf"{ASKED}(?:vehicles?|cars?|ships?|boats?|airplanes?|planes?|aircraft|motorcycles?|trains?"
        r"|automobiles?|liner|spacecraft|rockets?|submarines?|helicopters?|bus|truck|ocean liner"
        r"|aircraft carriers?|yacht|bicycle|satellite|flight)\b"),
    "vehicle_word": ("ENTY", "veh",
        r"^(?:what|name) .*\b(?:sailed|sank|sunk|flew|driven|sail|ship|motorcycle|spaceship|car did)\b"),
    "word_asked": ("ENTY", "word",
        rf"{ASKED}(?:words?|palindromes?|phrases?|expressions?|prefix|suffix|anagrams?|rhymes?)\b(?! (?:for"
        r"|to))"),
    "word_english": ("ENTY", "word",
        r"\b(?:longest|only|most used|common|frequently used) (?:english |spelled )?words?\b"
        r"|\bwords? (?:is|are|contains?|in the english|begins?|ends?|rhymes?)\b"),
    "other_thing": ("ENTY", "other",
        rf"{ASKED}(?:shape|thing|line|flag|bridge|planet|star|constellation|clouds?|system|law|hand|cards?"
        r"|suit|hairstyle|style|award|prize|motto|address|class|medium|season|object|unit|type of|kind of"
        r"|effect|feature|subject|tunnel|statue|amendment|quality|advantage|achievement|record)\b"),
    "what_kind": ("ENTY", "other", r"\b(?:what|which) (?:kind|type|sort)s? of\b"),
    "which_of_following": ("ENTY", "other", r"^which (?:of|one)\b|^what two things\b|^what (?:one )?thing\b"),
    # People
    "who_is_named": ("HUM", "desc",
        r"^who (?:is|was|are|were|'s) (?!the\b|a\b|an\b|credited|considered|known|called"
        r"|it\b)(?:[\w.'-]+ ){1,3}\?$"),
    "who_is_plain": ("HUM", "desc",
        r"^who (?:is|was) (?:(?:prince|king|queen|sir|dr\.|saint|st\.|president|lady|pope|general"
        r"|captain) )?(?:[\w.-]+ ){1,3}\?$"),
    "group_asked": ("HUM", "gr",
        rf"{ASKED}(?:compan(?:y|ies)|teams?|groups?|organi[sz]ations?|bands?|corporations?|universit(?:y"
        r"|ies)|colleges?|schools?|airlines?|army|part(?:y|ies)|leagues?|tribes?|clubs?|firm"
        r"|manufacturers?|agency|agencies|network|banks?|store|businesses|gang|church|duo|family|famil(?:y"
        r"|ies)|people|nationality|team 's|department|supplier|orchestra|society|employer|police|chain"
        r"|stations?|brewery|newspaper chain|terrorist)\b"),
    "who_makes": ("HUM", "gr",
        r"^who (?:makes?|manufactures?|sells?|markets?|owns?|produces?|distributes?|publishes|operates)\b"),
    "sports_team": ("HUM", "gr",
        r"\b(?:nfl|nba|nhl|baseball|football|basketball|hockey|major league|rugby) (?:team|club)s?\b"
        r"|\bteam (?:did|has|won|is|was)\b"),
    "who_won": ("HUM", "gr",
        r"^who (?:won|lost) the (?:\d+ |first |last )*(?:super bowl|world series|world cup|nba|nfl"
        r"|stanley cup|rose bowl|war|battle)\b"),
    "who": ("HUM", "ind", r"^(?:who|whose|whom)\b|\bwhom\b|\bwho \?$"),
    "who_did": ("HUM", "ind",
        r"^who (?:invented|wrote|discovered|founded|portrayed|played|created|killed|said|painted|directed"
        r"|sang|became|made|built|developed|starred|led|succeeded|shot|designed|composed|holds|held"
        r"|was the (?:first|last|only|author|inventor|founder|leader|king|queen|president|man|woman))\b"),
    "person_asked": ("HUM", "ind",
        rf"{ASKED}(?:presidents?|actors?|actress(?:es)?|comedians?|comedienne|singers?|authors?|poets?"
        r"|writers?|novelists?|painters?|artists?|players?|pitchers?|quarterback|golfer|boxer|kings?"
        r"|queens?|prince|princess|emperor|general|explorers?|senator|governor|mayor|pope|man|woman|men"
        r"|women|person|leader|director|detective|character|inventor|scientist|astronauts?|coach|composer"
        r"|lawyer|philosopher|dictator|vice-president|premier|prime minister|ruler|swimmer|skater|star"
        r"|hero|heroine|villain|daughters?|sons?|wife|wives|husband|brothers?|sisters?|father|mother"
        r"|child(?:ren)?|designer|architect|surgeon|officer|congressman|first lady|god|goddess|saint"
        r"|hunter|swinger|celebrity|tycoon|statesman|outlaw|murderer|assassin|member|host|doctor|magician"
        r"|founder|spy|athlete|jockey|champion|martyrs?|scholar|blind|cowboy|twins?|ranger)\b"),
    "person_name": ("HUM", "ind",
        r"\b(?:real|full|first|last|maiden|middle|given|pen|stage) names? (?:of|for|is|was)\b|'s (?:real"
        r"|full|first|last|maiden|middle|given|wife|husband|son|daughter|brother|sister|lawyer|mother"
        r"|father)\b.*\?"),
    "name_of_man": ("HUM", "ind",
        r"\bnames? of the .*\b(?:man|woman|who|actor|actress|lawyer|director|president|player|character"
        r"|singer|inventor|astronaut|writer|wife|daughter|founder|leader)\b"),
    "job_title": ("HUM", "title",
        r"\b(?:occupation|profession|job|title|position|rank|role|career|living)\b.*\b(?:of|did|was|held?"
        r"|does|for|have)\b"),
    "did_for_living": ("HUM", "title",
        r"\b(?:for a living|by profession|'s (?:occupation|job|profession|title|rank)|what line of work)\b"
        r"|\bwhat (?:is|was) .*\b(?:job|title|profession|occupation)\b"),
    # Places
    "city_asked": ("LOC", "city", rf"{ASKED}(?:cit(?:y|ies)|towns?|capitals?|seaport|village|suburb|port)\b"),
    "capital_of": ("LOC", "city",
        r"\bcapital (?:of|city)\b|\bin what (?:city|town)\b|\bwhat (?:city|town)\b|\b(?:largest"
        r"|biggest) city\b"),
    "which_city": ("LOC", "city",
        r"\b(?:what|which) (?:[\w.'-]+ )?(?:city|town|cities)(?: in| is| was| has| did| does|'s| \?)"),
    "country_asked": ("LOC", "country", rf"{ASKED}(?:countr(?:y|ies)|nations?|republic|kingdom)\b"),
    "which_country": ("LOC", "country",
        r"\b(?:what|which) (?:[\w.'-]+ ){0,2}(?:country|nation|countries|nations)\b"),
    "country_from": ("LOC", "country",
        r"\b(?:only|first|largest|two|how many) countr(?:y|ies)\b|\bcountr(?:y|ies) (?:is|are|was|were|has"
        r"|have|in|that|did|does)\b"),
    "mountain_asked": ("LOC", "mount",
        rf"{ASKED}(?:mountains?|peaks?|volcano(?:es)?|mountain range|mount|hills?)\b"),
    "highest_peak": ("LOC", "mount",
        r"\b(?:highest|tallest|longest) (?:mountain|peak|point|volcano|mountain range)\b"
        r"|\bmountain range\b"),
    "state_asked": ("LOC", "state",
        rf"{ASKED}(?:u\.s\. states?|states?|province|provinces)\b(?! (?:flower|bird|tree|motto|nickname))"),
    "which_state": ("LOC", "state",
        r"\b(?:what|which|in what) (?:[\w.'-]+ ){0,2}states?\b|\bstates? (?:has|have|is|are|was|produces?"
        r"|borders?|boasts?)\b"),
    "where_is": ("LOC", "other",
        r"^where (?:is|are|was|were|'s|do|does|did|can|could|on|in|would|should|must)\b"),
    "where": ("LOC", "other", r"\bwhere\b"),
    "place_asked": ("LOC", "other",
        rf"{ASKED}(?:rivers?|lakes?|oceans?|seas?|islands?|continents?|deserts?|street|bay|county"
        r"|countries border|places?|locations?|bridge|canal|region|planet|waterfall|bodies of water"
        r"|body of water|site|hotel|airport|museum|building|park|stadium|river|ocean|hemisphere|peninsula"
        r"|valley|landmark|tourist attractions?|avenue|road|highway|prison|college|university|address"
        r"|web address|website|url|direction|area|beach|gulf|strait|zone|colony|territory)\b"),
    "located": ("LOC", "other",
        r"\b(?:located|situated|found|birthplace|headquarters|latitude|longitude|live|native)\b"),
    # Numbers
    "how_many": ("NUM", "count", r"\bhow many\b"),
    "number_of": ("NUM", "count",
        r"\b(?:number|population|amount|total|death toll|quantity) (?:of|in|for|for|at|is|was)\b"
        r"|\bpopulation\b|^how often\b"),
    "count_word": ("NUM", "count",
        r"^how many (?!(?:years|days|months|hours|minutes|weeks|miles|feet|inches|degrees|times zone)\b)"),
    "when": ("NUM", "date", r"^when\b|, when\b|\bwhen (?:was|did|is|were|does)\b"),
    "what_year": ("NUM", "date",
        r"\b(?:what|which) (?:year|date|day|month|century|decade|dates)\b|\bdate of\b|\bbirthday\b"
        r"|\bbirthdate\b"),
    "date_asked": ("NUM", "date",
        rf"{ASKED}(?:year|date|day|month|century|decade|season|time of (?:day|year))\b"),
    "how_far": ("NUM", "dist",
        r"\bhow (?:far|tall|high|deep|wide|close)\b|\bhow long is (?:the|a) (?!.*(?:gestation|term|war"
        r"|life|movie|pregnancy|run|flight))"),
    "distance": ("NUM", "dist",
        r"\b(?:distance|height|length|depth|width|altitude|elevation|diameter|radius|wingspan"
        r"|circumference)\b|\bhow many (?:\w+ )?(?:miles|feet|inches|kilometers|meters|yards"
        r"|light[ -]years)\b"),
    "how_much": ("NUM", "money",
        r"\bhow much (?:does|did|is|was|do|would|will|money|could|it|are|should|has|were)\b"),
    "price": ("NUM", "money",
        r"\b(?:cost|costs|price|salary|worth|paid|income|wage|budget|fine|tax rate|tuition|rent|fee"
        r"|dollars?|exchange rate|earn|revenue|debt|insured for|pay)\b"),
    "telephone": ("NUM", "code",
        r"\b(?:telephone|phone|zip|area|fax|social security|house|serial|room|model|hotline|toll-free"
        r"|dewey|license|binary|postal)[ -]?(?:number|code)s?\b|\bpin number\b|\buniform number\b"),
    "code_digits": ("NUM", "code", r"\b(?:what|which) .*\b(?:number|code|digits|phone|zip code|area code)\b"),
    "chapter": ("NUM", "ord",
        r"\b(?:what|which) (?:chapter|verse|page|amendment|place|rank|chapters?)\b|\bhow (?:high"
        r"|big) .*\brank"),
    "rank": ("NUM", "ord", r"\b(?:rank(?:s|ed|ing)?|which number|where does .* rank|in order|ordinal)\b"),
    "percentage": ("NUM", "perc", r"\b(?:percentages?|percent|fraction|proportion|portion of|share of)\b"),
    "odds": ("NUM", "perc",
        r"\b(?:odds|chances?|probability|likelihood|rate|risk|ratio) (?:of|that|for|is|in)\b"),
    "how_long": ("NUM", "period",
        r"^how long (?:does|do|did|has|have|was|is|will|after|would|ago|should|before|must|can|were|are)\b"
        r"|\bhow long\b"),
    "how_old": ("NUM", "period",
        r"\bhow old\b|\bwhat age\b|\b(?:average |recommended )?(?:age|life ?span|life expectancy|lifetime"
        r"|gestation|half-life|incubation)\b"),
    "how_many_years": ("NUM", "period",
        r"\bhow (?:many|much) (?:\w+ )?(?:years?|days?|months?|hours?|minutes?|weeks?|seconds?|time"
        r"|decades|centuries)\b|\b(?:average time|time it takes|length of time)\b"),
    "how_fast": ("NUM", "speed", r"\bhow fast\b"),
    "speed_of": ("NUM", "speed", r"\b(?:speed|velocity|miles per hour|mph|knots|pace)\b"),
    "how_hot": ("NUM", "temp", r"\bhow (?:hot|cold|warm)\b|\bhow many degrees\b"),
    "temperature": ("NUM", "temp",
        r"\b(?:temperatures?|degrees|fahrenheit|celsius|centigrade|boiling point|melting point"
        r"|freezing point|absolute zero)\b"),
    "how_big": ("NUM", "volsize", r"\bhow (?:big|large)\b"),
    "size_of": ("NUM", "volsize",
        r"\b(?:sizes?|volume|area|acreage|square (?:miles|feet|kilometers)|acres|gallons|dimensions"
        r"|capacity|how many (?:cubic|square|acres|gallons)) ?(?:of|is|does|for|in|are)?\b"),
    "how_heavy": ("NUM", "weight", r"\bhow (?:heavy|much (?:does|do|did|would) .* weigh)\b"),
    "weight_of": ("NUM", "weight", r"\b(?:weigh[st]?|weights?|pounds|tons|ounces|kilograms|mass of)\b"),
    "other_number": ("NUM", "other",
        r"\b(?:frequency|horsepower|score|scale|numeral|value of|unemployment|statistics|latitude and"
        r"|equal|gross|rating|magnitude|pressure|decibels?|iq|ph level|blood alcohol|chromosome number"
        r"|per capita|atomic number|wavelength|gestation period|squared|equivalent)\b"),
    "how_measured": ("NUM", "other",
        r"^how (?:loud|effective|bright|strong|often|likely|dense|powerful|accurate|hard|frequently|late"
        r"|early|sweet)\b|\bwhat does \S+[+*x-]\S+ equal\b"),
}  # fmt: skip


def graph() -> TaskGraph:
    """Return the coarse task, and for each of its classes a task that refines it."""
    tasks = [Task("coarse", COARSE), *(Task(name, classes) for name, classes in FINE.items())]
    return TaskGraph(tasks, [Refines(name, "coarse", name) for name in FINE])


def functions() -> list[LabelingFunction]:
    """Return the functions for fine classes; they read the field ``text``."""
    return [lw.regex_lf(name, pattern, label, task=task) for name, (task, label, pattern) in PATTERNS.items()]
